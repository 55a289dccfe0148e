// What a look-up in a key-value store costs: a hundred thousand names in LMDB and in CDB, made by
// mdb_load and cdb; the whole key of a query included. With one thread and with two.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "proxy/base/text.h"
#include "proxy/lookup/cdb_store.h"
#include "proxy/lookup/lmdb_store.h"
#include "proxy/lookup/lookup_key.h"

namespace breakwater {
namespace {

constexpr int kNames = 100'000;

std::string Wire(int number) {
  const std::string host = "host" + std::to_string(number);
  return std::string(1, static_cast<char>(host.size())) + host +
         std::string("\7example\3com\0", 13);
}

// Both files, and a folder that is gone at the end.
class Files {
 public:
  Files() {
    char name[] = "/tmp/breakwater_bench_XXXXXX";
    folder_ = mkdtemp(name);
    std::ofstream lmdb(folder_ + "/lmdb"), cdb(folder_ + "/cdb", std::ios::binary);
    lmdb << "VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=67108864\nHEADER=END\n";
    for (int i = 0; i < kNames; ++i) {
      const std::string key = Wire(i);
      lmdb << ' ' << HexEncode(AsBytes(key)) << "\n 7365766e\n";
      cdb << '+' << key.size() << ",4:" << key << "->sevn\n";
    }
    lmdb << "DATA=END\n";
    cdb << '\n';
    lmdb.close();
    cdb.close();
    Run("mdb_load -n -s db -f " + folder_ + "/lmdb " + folder_ + "/a.mdb");
    Run("cdb -c " + folder_ + "/a.cdb " + folder_ + "/cdb");
    stores_[0] = OpenLmdbStore({.path = folder_ + "/a.mdb", .database = "db"}).value();
    stores_[1] = OpenCdbStore({.path = folder_ + "/a.cdb"}).value();
  }
  ~Files() { Run("rm -rf " + folder_); }
  const KeyValueStore& store(int64_t which) const { return *stores_[which]; }

 private:
  static void Run(const std::string& command) {
    if (system(command.c_str()) != 0) std::abort();
  }
  std::string folder_;
  KeyValueStorePtr stores_[2];
};

void BM_Lookup(benchmark::State& state) {
  static const Files files;
  const KeyValueStore& store = files.store(state.range(0));
  std::string name = "\3www" + Wire(4711);
  int number = 0;
  size_t found = 0;
  for (auto _ : state) {
    name.replace(4, std::string::npos, Wire(number = (number + 7919) % kNames));
    VisitSuffixKeys(AsBytes(name), {.min_labels = 2}, [&](KeyValueStore::Key key) {
      const bool here = store.Contains(key);
      found += here ? 1 : 0;
      return !here;
    });
  }
  if (found == 0) state.SkipWithError("nothing was found");
  state.SetLabel(store.ToString().substr(0, 4));
}
BENCHMARK(BM_Lookup)->Arg(0)->Arg(1)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace breakwater
