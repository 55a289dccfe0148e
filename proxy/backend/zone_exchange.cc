#include "proxy/backend/zone_exchange.h"

#include <algorithm>
#include <utility>

#include "proxy/dns/header.h"
#include "proxy/zone/lookup.h"

namespace breakwater {
namespace {

size_t ComfortableSize(const OutgoingQuery& query) {
  if (query.query != nullptr && query.query->tcp()) return kAnswerRoom;
  const size_t asked = DatagramLimit(query.message);
  // Toward a backend the query may say more than its client did, for the cache's sake.
  return query.query == nullptr ? asked : std::min(asked, query.query->MaxAnswerSize());
}

}  // namespace

ZoneExchange::ZoneExchange(ExchangeContext context, BackendPtr backend)
    : context_(context), backend_(std::move(backend)), room_(kAnswerRoom) {}

ZoneExchange::~ZoneExchange() {
  context_.loop.timers().Cancel(timer_);
}

Result<void> ZoneExchange::Send(FlightId flight, uint8_t attempt, const OutgoingQuery& query) {
  const std::span<const uint8_t> message = query.message;
  if (message.size() < dns::kHeaderSize) return Fail(Error::kTruncated);
  if (dns::ConstHeader(message.data()).Has(dns::kFlagQr)) return Fail(Error::kUnsupported);
  next_.queries.push_back({.flight = flight,
                           .attempt = attempt,
                           .cancelled = false,
                           .offset = static_cast<uint32_t>(next_.bytes.size()),
                           .length = static_cast<uint32_t>(message.size()),
                           .comfortable = static_cast<uint32_t>(ComfortableSize(query))});
  next_.bytes.insert(next_.bytes.end(), message.begin(), message.end());
  if (timer_ == 0) {
    timer_ = context_.loop.timers().Add(context_.loop.now(), [this] {
      timer_ = 0;
      AnswerAll();
    });
  }
  return Ok();
}

void ZoneExchange::Cancel(FlightId flight, uint8_t attempt) {
  for (Batch* batch : {&next_, &running_}) {
    for (Waiting& waiting : batch->queries) {
      if (waiting.flight == flight && waiting.attempt == attempt) waiting.cancelled = true;
    }
  }
}

// The sink may send more meanwhile, which waits for the next turn, and cancel what is left. The
// zones are not held for longer: an idle worker must not keep old ones.
void ZoneExchange::AnswerAll() {
  std::swap(running_, next_);
  const ZoneSetPtr zones = backend_->zones()->zones();
  for (size_t i = 0; i < running_.queries.size(); ++i) {
    if (!running_.queries[i].cancelled) Answer(*zones, running_.queries[i]);
  }
  running_.queries.clear();
  running_.bytes.clear();
}

void ZoneExchange::Answer(const ZoneSet& zones, const Waiting& waiting) {
  const FlightId flight = waiting.flight;
  const uint8_t attempt = waiting.attempt;
  const auto query = std::span(running_.bytes).subspan(waiting.offset, waiting.length);
  const Result<size_t> size = zones.size() == 0
                                  ? Fail(Error::kNotFound)
                                  : AnswerFromZones(zones, query, room_, waiting.comfortable);
  if (!size) return context_.sink.OnFailure(flight, attempt, FailureKind::kBackendDown);
  backend_->zones()->answers().Add();
  context_.counters.Add(Metric::kZoneAnswers);
  context_.sink.OnReply(flight, attempt, std::span(room_).first(*size));
}

}  // namespace breakwater
