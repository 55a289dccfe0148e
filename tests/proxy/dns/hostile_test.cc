// Every message of tests/fuzz/corpus/hostile and what the parsers must say to it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "proxy/dns/edns.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"
#include "proxy/dns/rewrite.h"

namespace breakwater::dns {
namespace {

using Bytes = std::vector<uint8_t>;

enum class Where { kQuestion, kRecords, kEdns, kOwner, kRename, kNowhere };

struct Outcome {
  Where where;          // the first step that refuses it
  Error error{};        // how
  size_t trailing = 0;  // bytes behind the last record of a sound one
};

const std::map<std::string, Outcome>& Outcomes() {
  using enum Where;
  static const std::map<std::string, Outcome> outcomes = {
      {"question_pointer", {kQuestion, Error::kBadPointer}},
      {"question_pointer_behind_label", {kQuestion, Error::kBadPointer}},
      {"question_label_0x40", {kQuestion, Error::kBadLabel}},
      {"question_label_0x80", {kQuestion, Error::kBadLabel}},
      {"question_255", {kNowhere}},
      {"question_257", {kQuestion, Error::kNameTooLong}},
      {"question_without_end", {kQuestion, Error::kNameTooLong}},
      {"question_missing", {kQuestion, Error::kBadCount}},
      {"question_cut_in_label", {kQuestion, Error::kTruncated}},
      {"question_cut_before_class", {kQuestion, Error::kTruncated}},
      {"questions_two", {kRecords, Error::kBadCount}},
      {"questions_65535", {kRecords, Error::kBadCount}},
      {"header_short", {kQuestion, Error::kTruncated}},
      {"empty", {kQuestion, Error::kTruncated}},
      {"owner_pointer_to_itself", {kRecords, Error::kBadPointer}},
      {"owner_pointer_forward", {kRecords, Error::kBadPointer}},
      {"owner_pointer_into_header", {kRecords, Error::kBadPointer}},
      {"owner_pointer_past_end", {kRecords, Error::kBadPointer}},
      {"owner_pointer_loop", {kRecords, Error::kBadPointer}},
      {"owner_label_0x40", {kRecords, Error::kBadLabel}},
      {"owner_label_0x80", {kRecords, Error::kBadLabel}},
      {"owner_257", {kRecords, Error::kNameTooLong}},
      {"owner_257_by_pointer", {kOwner, Error::kNameTooLong}},
      {"owners_chained_300", {kOwner, Error::kTooManyPointers}},
      {"rdata_past_end", {kRecords, Error::kTruncated}},
      {"record_cut_in_type", {kRecords, Error::kTruncated}},
      {"record_cut_in_ttl", {kRecords, Error::kTruncated}},
      {"count_inflated_answer", {kRecords, Error::kBadCount}},
      {"count_inflated_additional", {kRecords, Error::kBadCount}},
      {"counts_65535", {kRecords, Error::kBadCount}},
      {"opt_twice", {kEdns, Error::kBadOpt}},
      {"opt_twice_apart", {kEdns, Error::kBadOpt}},
      {"opt_in_answer", {kEdns, Error::kBadOpt}},
      {"opt_in_authority", {kEdns, Error::kBadOpt}},
      {"opt_not_at_root", {kEdns, Error::kBadOpt}},
      {"opt_owner_pointer", {kEdns, Error::kBadOpt}},
      {"opt_option_past_end", {kEdns, Error::kBadOpt}},
      {"opt_option_header_cut", {kEdns, Error::kBadOpt}},
      {"opt_rdlength_past_end", {kRecords, Error::kTruncated}},
      {"opt_length_65535", {kRecords, Error::kTruncated}},
      {"trailing_bytes", {kNowhere, {}, 4}},
      {"trailing_record", {kNowhere, {}, 16}},
      {"trailing_second_opt", {kNowhere, {}, 23}},
      {"rdata_name_loop", {kRename, Error::kBadPointer}},
      {"rdata_name_past_rdata", {kRename, Error::kTruncated}},
      {"rdata_soa_short", {kRename, Error::kTruncated}},
  };
  return outcomes;
}

std::filesystem::path Folder() {
  return std::filesystem::path(BW_SOURCE_DIR) / "tests/fuzz/corpus/hostile";
}

Bytes Load(const std::string& name) {
  std::ifstream in(Folder() / name, std::ios::binary);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

Outcome Judge(const Bytes& message) {
  const auto question = ParseQuestion(message);
  if (!question) return {Where::kQuestion, question.error()};
  RecordWalker walker(message, question->end());
  std::optional<Error> bad_owner;
  while (walker.Next()) {
    const auto owner = walker.OwnerName();
    if (!owner) bad_owner = owner.error();
  }
  if (!walker.ok()) {
    // The OPT must not be found where the records do not add up.
    EXPECT_EQ(FindEdns(message, question->end()).error(), walker.error());
    return {Where::kRecords, walker.error()};
  }
  const auto edns = FindEdns(message, question->end());
  if (!edns) return {Where::kEdns, edns.error()};
  if (bad_owner) return {Where::kOwner, *bad_owner};
  Bytes room = message;
  room.resize(1024);
  EditBuffer buffer{room.data(), message.size(), room.size()};
  const auto renamed = ChangeName(buffer, *question, *Name::Parse("x"), ChangeNameOptions{});
  if (!renamed) return {Where::kRename, renamed.error()};
  return {Where::kNowhere, {}, message.size() - walker.end_offset()};
}

TEST(HostileTest, EveryMessageComesToWhatItShould) {
  for (const auto& [name, wanted] : Outcomes()) {
    SCOPED_TRACE(name);
    const Outcome got = Judge(Load(name));
    EXPECT_EQ(got.where, wanted.where);
    EXPECT_EQ(got.error, wanted.error);
    EXPECT_EQ(got.trailing, wanted.trailing);
  }
}

TEST(HostileTest, EveryFileHasItsOutcome) {
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    EXPECT_TRUE(Outcomes().contains(entry.path().filename())) << entry.path();
  }
}

TEST(HostileTest, SoundMessagesAreRefusedWhereverTheyAreCut) {
  for (const auto& [name, wanted] : Outcomes()) {
    if (wanted.where != Where::kNowhere || wanted.trailing != 0) continue;
    const Bytes whole = Load(name);
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
      EXPECT_NE(Judge(part).where, Where::kNowhere) << name << " cut at " << size;
    }
  }
}

}  // namespace
}  // namespace breakwater::dns
