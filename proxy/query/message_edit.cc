#include "proxy/query/message_edit.h"

#include <algorithm>

#include "proxy/dns/record_walker.h"
#include "proxy/dns/rewrite.h"
#include "proxy/query/self_answer.h"

namespace breakwater {
namespace {

constexpr size_t kMaxContent = 65535;

size_t RecordCount(const dns::Header& header) {
  return size_t{header.count(dns::Section::kAnswer)} + header.count(dns::Section::kAuthority) +
         header.count(dns::Section::kAdditional);
}

// The name that the backend is asked for is the one that its answer is to have.
void AskFor(Query& query, const dns::Question& question) {
  query.question = question;
  query.edns = dns::FindEdns(query.message(), question.end()).value_or(dns::Edns{});
  query.client_name_saved = false;
  query.SaveClientName();
}

}  // namespace

std::span<const uint8_t> TrailingData(const Query& query) {
  const auto end = dns::RecordsEnd(query.message(), query.records_start());
  return end ? query.message().subspan(*end) : std::span<const uint8_t>();
}

bool SetTrailingData(Query& query, PacketPool& packets, std::span<const uint8_t> data) {
  const auto end = dns::RecordsEnd(query.message(), query.records_start());
  if (!end || *end + data.size() > MaxSelfAnswerSize(query)) return false;
  query.size = *end;  // what trails goes first: there may be much of it
  query.Reserve(packets, data.size());
  dns::EditBuffer buffer = query.edit();
  if (!dns::SetTrailingData(buffer, query.records_start(), data)) return false;
  query.Take(buffer);
  return true;
}

bool ChangeName(Query& query, PacketPool& packets, const dns::Name& name) {
  const auto old = dns::ParseQuestion(query.message());
  if (!old || query.header().count(dns::Section::kQuestion) != 1) return false;
  const size_t most = MaxSelfAnswerSize(query);
  if (query.size > most) return false;
  const size_t growth = name.wire().size() * (1 + RecordCount(query.header()));
  query.Reserve(packets, std::min(growth, most - query.size));
  dns::EditBuffer buffer = query.edit();
  buffer.capacity = std::min(buffer.capacity, most);
  if (!dns::ChangeName(buffer, *old, name, {.owners = query.is_response})) return false;
  query.Take(buffer);
  const auto question = dns::ParseQuestion(query.message());
  if (!question) return false;
  if (query.is_response) {
    query.question = *question;
    query.answer_renamed = true;
  } else {
    AskFor(query, *question);
  }
  return true;
}

bool SetContent(Query& query, PacketPool& packets, std::span<const uint8_t> content) {
  if (content.size() < dns::kHeaderSize || content.size() > kMaxContent) return false;
  const dns::Header header = dns::ConstHeader(content.data());
  const bool asks = !query.is_response && !header.Has(dns::kFlagQr);
  const auto question = dns::ParseQuestion(content);
  if (asks && (!question || content.size() > MaxSelfAnswerSize(query))) return false;
  const uint16_t id = query.header().id();
  query.SaveClientName();
  query.ReplaceMessage(packets, content);
  query.header().set_id(id);
  query.question_left_out = !asks && !question;
  if (asks) {
    AskFor(query, *question);
  } else if (question) {
    query.question = *question;
  }
  return true;
}

std::vector<uint8_t> UnderAskedName(const Query& query) {
  const std::span asked(query.client_name.data(), query.client_name_length);
  const auto name = dns::Name::FromWire(asked);
  if (!name || !query.client_name_saved) return {};
  std::vector<uint8_t> copy(query.message().begin(), query.message().end());
  copy.resize(copy.size() + asked.size() * (1 + RecordCount(query.header())));
  dns::EditBuffer buffer{copy.data(), query.size, copy.size()};
  if (!dns::ChangeName(buffer, query.question, *name, {.owners = true})) return {};
  copy.resize(buffer.size);
  return copy;
}

}  // namespace breakwater
