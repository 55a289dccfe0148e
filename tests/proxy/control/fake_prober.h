// Questions that a list of flushes asks, answered when the test says so.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "proxy/control/zone_prober.h"

namespace breakwater::test {

class FakeProber : public ZoneProber {
 public:
  size_t Ask(const dns::Name& name, std::span<const BackendPtr> backends, Done done) override {
    for (const BackendPtr& backend : backends) {
      asked.push_back(name.ToString() + " of " + backend->name());
      waiting_.push_back(done);
    }
    return backends.size();
  }
  size_t open() const override { return waiting_.size(); }

  // Answers all that are open.
  void AnswerAll(const ProbeAnswer& answer) {
    for (const Done& done : std::exchange(waiting_, {})) done(answer);
  }

  std::vector<std::string> asked;

 private:
  std::deque<Done> waiting_;
};

}  // namespace breakwater::test
