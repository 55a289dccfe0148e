// Makes zones of texts for tests, and asks them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "proxy/zone/loader.h"
#include "proxy/zone/lookup.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {

inline constexpr std::string_view kSoaAndNs =
    "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\n";

inline TextResult<ZonePtr> ReadZone(const std::string& name, std::string_view text) {
  ZoneLoader loader;
  return loader.Parse(*dns::Name::Parse(name), text, name + ".zone");
}

class ZoneMaker {
 public:
  void Add(const std::string& name, const std::string& text) {
    auto zone = ReadZone(name, std::string(kSoaAndNs) + text);
    ASSERT_TRUE(zone) << zone.error();
    set_.Put(std::move(*zone));
  }
  const ZoneSet& set() const { return set_; }

  std::vector<uint8_t> Answer(std::string_view description, size_t comfortable = 65535) const {
    std::vector<uint8_t> room(kAnswerRoom);
    const auto size = AnswerFromZones(set_, QueryMaker::Message(description), room, comfortable);
    EXPECT_TRUE(size) << ErrorText(size.error());
    room.resize(size.value_or(0));
    return room;
  }
  std::string Ask(std::string_view description, size_t comfortable = 65535) const {
    return Describe(Answer(description, comfortable));
  }

 private:
  ZoneSet set_;
};

}  // namespace breakwater::test
