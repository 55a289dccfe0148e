// Store files for tests, made by the tools that operators use (mdb_load, cdb) and, for MMDB, by
// tests/support/mmdb_writer.py.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "proxy/base/text.h"
#include "proxy/lookup/key_value_store.h"

namespace breakwater::test {

using Entries = std::map<std::string, std::string>;

class StoreFiles : public ::testing::Test {
 protected:
  StoreFiles() {
    char name[] = "/tmp/breakwater_stores_XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~StoreFiles() override { Shell("rm -rf " + folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // Writes a new file and puts it in the old one's place.
  void MakeCdb(const std::string& path, const Entries& entries) {
    std::ofstream input(Path("input"), std::ios::binary);
    for (const auto& [key, value] : entries) {
      input << '+' << key.size() << ',' << value.size() << ':' << key << "->" << value << '\n';
    }
    input << '\n';
    input.close();
    Shell("cdb -c -t " + path + ".new " + path + ".tmp " + Path("input"));
    ASSERT_EQ(rename((path + ".tmp").c_str(), path.c_str()), 0);
  }
  // Adds to the file, if there is one.
  void AddToLmdb(const std::string& path, const std::string& database, const Entries& entries) {
    std::ofstream input(Path("input"));
    input << "VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=" << lmdb_size_ << "\nHEADER=END\n";
    for (const auto& [key, value] : entries) {
      input << ' ' << HexEncode(AsBytes(key)) << "\n " << HexEncode(AsBytes(value)) << '\n';
    }
    input << "DATA=END\n";
    input.close();
    Shell("mdb_load -n" + (database.empty() ? "" : " -s " + database) + " -f " + Path("input") +
          " " + path);
  }
  void MakeMmdb(const std::string& path, const std::string& json) {
    std::ofstream(Path("input")) << json;
    Shell("python3 " BW_SOURCE_DIR "/tests/support/mmdb_writer.py " + path + ".new < " +
          Path("input"));
    ASSERT_EQ(rename((path + ".new").c_str(), path.c_str()), 0);
  }
  static void Shell(const std::string& command) {
    ASSERT_EQ(system(command.c_str()), 0) << command;
  }

  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void Write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  // The value, or "-" where there is none.
  static std::string Value(const KeyValueStorePtr& store, std::string_view key) {
    std::string value = "-";
    store->Find(AsBytes(key), [&](std::string_view found) { value = found; });
    return value;
  }
  static std::string RangeValue(const KeyValueStorePtr& store, std::string_view key) {
    std::string value = "-";
    store->FindRange(AsBytes(key), [&](std::string_view found) { value = found; });
    return value;
  }

  std::string folder_;
  size_t lmdb_size_ = 1 << 20;
};

}  // namespace breakwater::test
