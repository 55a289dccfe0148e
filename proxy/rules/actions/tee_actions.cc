#include "proxy/rules/actions/tee_actions.h"

#include <algorithm>
#include <utility>

#include "proxy/backend/proxy_header.h"

namespace breakwater {
namespace {

class TeeAction final : public Action {
 public:
  TeeAction(std::shared_ptr<TeeSocket> socket, const TeeOptions& options)
      : socket_(std::move(socket)), options_(options) {
    proxied_.use_proxy_protocol = options.proxy_header;
  }

  Flow Apply(Query& query, RuleContext& context) const override {
    if (query.tcp()) {
      socket_->CountStream();
      return Flow::kContinue;
    }
    socket_->CountQuery();
    const Result<std::string> header = ProxyHeaderFor(proxied_, &query);
    if (!header) {
      socket_->CountUnfit();
    } else if (options_.client_subnet) {
      SendWithSubnet(query, context, *header);
    } else {
      socket_->Send(*header, query.message());
    }
    return Flow::kContinue;
  }
  std::optional<Flow> Foresee(Query&, RuleContext&) const override { return Flow::kContinue; }

  std::string ToString() const override { return "tee to " + socket_->server().ToStringWithPort(); }
  std::map<std::string, double> Stats() const override {
    const TeeSocket::Counts counts = socket_->counts();
    const auto of = [&](dns::RCode rcode) { return counts.by_rcode[static_cast<size_t>(rcode)]; };
    const uint64_t noerror = of(dns::RCode::kNoError), nxdomain = of(dns::RCode::kNxDomain),
                   refused = of(dns::RCode::kRefused), servfail = of(dns::RCode::kServFail);
    const std::pair<const char*, uint64_t> all[] = {
        {"queries", counts.queries},
        {"responses", counts.responses},
        {"recv-errors", counts.receive_errors},
        {"send-errors", counts.send_errors},
        {"noerrors", noerror},
        {"nxdomains", nxdomain},
        {"refuseds", refused},
        {"servfails", servfail},
        {"other-rcode", counts.responses - noerror - nxdomain - refused - servfail},
        {"tcp-drops", counts.stream_drops},
    };
    std::map<std::string, double> stats;
    for (const auto& [name, count] : all) stats.emplace(name, static_cast<double>(count));
    return stats;
  }

 private:
  void SendWithSubnet(const Query& query, RuleContext& context, std::string_view header) const {
    constexpr size_t kOptSize = 64;  // of an OPT with this option, generously
    const PacketBuffer room = context.packets.Get(query.size + kOptSize);
    std::copy_n(query.data, query.size, room.data());
    dns::EditBuffer copy{.data = room.data(), .size = query.size, .capacity = room.capacity()};
    if (WriteClientSubnet(query, context.client_subnet, copy)) {
      socket_->Send(header, copy.message());
    } else {
      socket_->CountUnfit();
    }
  }

  const std::shared_ptr<TeeSocket> socket_;
  const TeeOptions options_;
  BackendSettings proxied_;
};

}  // namespace

ActionPtr MakeTeeAction(std::shared_ptr<TeeSocket> socket, const TeeOptions& options) {
  return std::make_shared<TeeAction>(std::move(socket), options);
}

}  // namespace breakwater
