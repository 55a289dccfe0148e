// A temporary directory of zone files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/proxy/zone/zone_maker.h"

namespace breakwater::test {

class ZoneFolder {
 public:
  ZoneFolder() { path_ = ::mkdtemp(name_); }
  ~ZoneFolder() { std::filesystem::remove_all(path_); }
  ZoneFolder(const ZoneFolder&) = delete;
  ZoneFolder& operator=(const ZoneFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string At(const std::string& name) const { return path_ + "/" + name; }
  void WriteText(const std::string& name, const std::string& text) const {
    std::ofstream(At(name)) << text;
  }
  // With SOA and NS in front; another file in its place, as careful writers do it.
  void Write(const std::string& name, const std::string& text) const {
    WriteText(name + ".new", std::string(kSoaAndNs) + text);
    std::filesystem::rename(At(name + ".new"), At(name));
  }
  void Remove(const std::string& name) const { std::filesystem::remove_all(At(name)); }

 private:
  char name_[32] = "/tmp/zone-folder-XXXXXX";
  std::string path_;
};

// Whether "www" of the zone has that address; "" where the zone is not held.
inline std::string AddressOfWww(const ZoneSet& zones, const std::string& zone) {
  std::vector<uint8_t> room(kAnswerRoom);
  const auto query = QueryMaker::Message("www." + zone + " A");
  const auto size = AnswerFromZones(zones, query, room, 1);
  const std::string text = Describe(std::span(room).first(size.value_or(0)));
  const size_t at = text.find(" A 192.");
  return at == std::string::npos ? "" : text.substr(at + 3);
}

}  // namespace breakwater::test
