#include "proxy/rules/actions/spoof_actions.h"

#include "proxy/rules/actions/simple_action.h"

namespace breakwater {

ActionPtr MakeSpoofAction(std::vector<Address> addresses, SpoofOptions options) {
  std::string text = "spoof in ";
  for (const Address& address : addresses) text += address.ToString() + " ";
  return MakeSimpleAction(std::move(text), [addresses = std::move(addresses), options](
                                               Query& query, RuleContext& context) {
    return SpoofAddresses(query, context, addresses, options) ? Flow::kAnswer : Flow::kContinue;
  });
}

ActionPtr MakeSpoofCnameAction(const dns::Name& target, SpoofOptions options) {
  return MakeSimpleAction(
      "spoof in " + target.ToString() + " ", [target, options](Query& query, RuleContext& context) {
        return SpoofCname(query, context, target, options) ? Flow::kAnswer : Flow::kContinue;
      });
}

ActionPtr MakeSpoofRawAction(std::vector<std::string> rdata, SpoofOptions options) {
  return MakeSimpleAction("spoof in raw bytes ", [rdata = std::move(rdata), options](
                                                     Query& query, RuleContext& context) {
    return SpoofRaw(query, context, rdata, options) ? Flow::kAnswer : Flow::kContinue;
  });
}

}  // namespace breakwater
