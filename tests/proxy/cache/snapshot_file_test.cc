#include "proxy/cache/snapshot_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include "proxy/base/byte_writer.h"
#include "tests/proxy/cache/snapshot_fixture.h"

namespace breakwater::test {
namespace {

using testing::HasSubstr;

class SnapshotFileTest : public SnapshotFixture {
 protected:
  void WriteTwo() {
    ASSERT_TRUE(Put("www.example.com A", kOneAddress));
    ASSERT_TRUE(Put("www.example.org A", "/ answer www.example.org 300 A 192.0.2.9"));
    ASSERT_EQ(Write().entries, 2u);
    Restart();
  }
  std::string WriteError() {
    (void)cache();
    const auto written =
        WriteCacheSnapshot(path_, std::vector<NamedCache>{{pools_, cache_}}, {.clock = clock});
    return written ? "" : written.error();
  }
};

TEST_F(SnapshotFileTest, IsReadableForItsUserAloneAndLeavesNothingBeside) {
  WriteTwo();
  struct stat found {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(SnapshotFileTest, WithoutAFileThereIsNothingToTell) {
  const auto loaded = TryLoad();
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->found);
}

TEST_F(SnapshotFileTest, IsRefusedWholeWhereAnyByteIsWrong) {
  WriteTwo();
  const std::string good = FileBytes();
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    SetFileBytes(bytes);
    EXPECT_NE(Refusal(), "") << at;
  }
}

TEST_F(SnapshotFileTest, IsRefusedWholeWhereItIsTooShortOrTooLong) {
  WriteTwo();
  const std::string good = FileBytes();
  for (size_t size = 0; size < good.size(); ++size) {
    SetFileBytes(good.substr(0, size));
    EXPECT_THAT(Refusal(), HasSubstr("it ends at byte")) << size;
  }
  SetFileBytes(good + "x");
  EXPECT_THAT(Refusal(), HasSubstr("something behind its end"));
  SetFileBytes(good);
  EXPECT_EQ(Load().taken, 2u);
}

// Sound blocks, and a time of writing that no clock can have shown.
TEST_F(SnapshotFileTest, OfAnImpossibleTimeIsRefused) {
  const auto write_at = [&](uint64_t written_s) {
    std::vector<uint8_t> head(12);
    StoreU32(head.data() + 4, static_cast<uint32_t>(written_s >> 32));
    StoreU32(head.data() + 8, static_cast<uint32_t>(written_s));
    auto writer = SnapshotWriter::Create(path_);
    ASSERT_TRUE(writer) << writer.error();
    ASSERT_TRUE(writer->Write(SnapshotBlock::kHead, head));
    ASSERT_TRUE(writer->Write(SnapshotBlock::kEnd, std::vector<uint8_t>(8)));
    ASSERT_TRUE(writer->Commit());
  };
  for (const uint64_t impossible :
       {uint64_t{1} << 63, ~uint64_t{0}, (uint64_t{1} << 63) - 1, (uint64_t{1} << 40) + 1}) {
    write_at(impossible);
    EXPECT_THAT(Refusal(), HasSubstr("it was written at second")) << impossible;
  }
  write_at(0);
  EXPECT_EQ(Refusal(), "");
  write_at(uint64_t{1} << 40);
  EXPECT_EQ(Refusal(), "");
}

TEST_F(SnapshotFileTest, OfAnotherVersionIsRefused) {
  WriteTwo();
  std::string bytes = FileBytes();
  ASSERT_EQ(bytes[19], 3);
  bytes[19] = 4;
  SetFileBytes(bytes);
  EXPECT_THAT(Refusal(), HasSubstr("is of version 4, this program reads versions up to 3"));
  bytes[19] = 0;
  SetFileBytes(bytes);
  EXPECT_THAT(Refusal(), HasSubstr("is of version 0"));
  bytes[19] = 1;
  SetFileBytes(bytes);
  EXPECT_EQ(Load().taken, 2u);
}

TEST_F(SnapshotFileTest, OfSomethingElseIsRefusedAndNotWrittenOver) {
  SetFileBytes("www.example.com. 300 IN A 192.0.2.1\n");
  EXPECT_THAT(Refusal(), HasSubstr("is no snapshot of a cache"));
  EXPECT_THAT(WriteError(), HasSubstr("something else than a snapshot"));
  EXPECT_EQ(FileBytes(), "www.example.com. 300 IN A 192.0.2.1\n");
}

TEST_F(SnapshotFileTest, ThatOthersMayWriteIsRefused) {
  WriteTwo();
  for (const mode_t mode : {0620u, 0602u}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(Refusal(), HasSubstr("may be written by others"));
  }
}

TEST_F(SnapshotFileTest, OfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  WriteTwo();
  ASSERT_EQ(chown(path_.c_str(), 12345, 0), 0);
  EXPECT_THAT(Refusal(), HasSubstr("belongs to user 12345"));
}

TEST_F(SnapshotFileTest, LinksAndPipesAreRefused) {
  WriteTwo();
  std::filesystem::rename(path_, path_ + ".other");
  std::filesystem::create_symlink(path_ + ".other", path_);
  EXPECT_THAT(Refusal(), HasSubstr("cannot open"));
  EXPECT_NE(WriteError(), "");
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(Refusal(), HasSubstr("is no plain file"));
}

TEST_F(SnapshotFileTest, TwoProcessesDoNotWriteIntoOneAnother) {
  WriteTwo();
  const UniqueFd other(open((path_ + ".new").c_str(), O_WRONLY | O_CREAT, 0600));
  ASSERT_EQ(flock(other.get(), LOCK_EX), 0);
  EXPECT_THAT(WriteError(), HasSubstr("another process writes"));
}

// What a killed writer left.
TEST_F(SnapshotFileTest, AnOldHalfIsWrittenOver) {
  std::ofstream(path_ + ".new") << std::string(100'000, 'x');
  WriteTwo();
  EXPECT_EQ(Load().taken, 2u);
}

TEST_F(SnapshotFileTest, ThePlaceIsCheckedBeforeItIsNeeded) {
  EXPECT_TRUE(CheckSnapshotPlace(path_));
  EXPECT_TRUE(CheckSnapshotPlace("cache"));
  const auto missing = CheckSnapshotPlace(folder_ + "/none/cache");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error(), HasSubstr("there is no directory"));
  const auto directory = CheckSnapshotPlace(folder_);
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error(), HasSubstr("is a directory"));
}

}  // namespace
}  // namespace breakwater::test
