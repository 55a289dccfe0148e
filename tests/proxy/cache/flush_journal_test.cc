#include "proxy/cache/flush_journal.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "proxy/base/hurried_thread.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/support/temporary_folder.h"

namespace breakwater::test {
namespace {

class FlushJournalTest : public CacheFixture {
 protected:
  static FlushRequest Hard(const std::string& name) {
    return {.name = NameOf(name), .suffix = true, .hard = true};
  }
  std::string Text() const {
    std::stringstream text;
    text << std::ifstream(path_ + ".flushes").rdbuf();
    return text.str();
  }
  void Write(const std::string& text) const { std::ofstream(path_ + ".flushes") << text; }
  // Of a new process.
  FlushJournal::Replayed Replay(const std::vector<std::string>& pools = {""}) {
    FlushJournal journal;
    const auto opened = journal.Open(path_);
    EXPECT_TRUE(opened) << opened.error();
    return journal.Replay(std::vector<NamedCache>{{pools, cache_}});
  }

  TemporaryFolder temporary_;
  std::string path_ = temporary_ / "cache";
};

TEST_F(FlushJournalTest, MakesAnewWhatWasNotedForThatPoolsCache) {
  ASSERT_TRUE(Put("www.example.com", kOneAddress));
  ASSERT_TRUE(Put("www.example.net", kOneAddress));
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    EXPECT_TRUE(journal.Note(Hard("example.com"), {"", "a b%\tc\n"}));
    EXPECT_TRUE(journal.Note(Hard("example.net"), {"other"}));
  }
  EXPECT_EQ(Replay({"a b%\tc\n"}).flushes, 2u);
  EXPECT_FALSE(Hits("www.example.com"));
  EXPECT_TRUE(Hits("www.example.net"));
}

TEST_F(FlushJournalTest, ForgetsWhatCameBeforeTheMarkAlone) {
  cache();
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    EXPECT_TRUE(journal.Note(Hard("a.example"), {""}));
    const size_t mark = journal.Mark();
    EXPECT_TRUE(journal.Note(Hard("b.example"), {""}));
    ASSERT_TRUE(journal.Forget(mark));
    EXPECT_TRUE(journal.Note(Hard("c.example"), {""}));
  }
  EXPECT_EQ(Replay().flushes, 2u);
  EXPECT_EQ(Text().find("a.example"), std::string::npos);
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    ASSERT_TRUE(journal.Forget(journal.Mark()));
  }
  EXPECT_EQ(Replay().flushes, 0u);
}

TEST_F(FlushJournalTest, LeavesDamagedLinesOutAndTakesTheRest) {
  cache();
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    for (const char* name : {"a.example", "b.example", "c.example"}) journal.Note(Hard(name), {""});
  }
  std::string text = Text();
  text[text.find("b.example")] = 'x';
  text.resize(text.size() - 5);  // the machine stopped in the middle of the last one
  Write(text);
  const auto replayed = Replay();
  EXPECT_EQ(replayed.flushes, 1u);
  EXPECT_EQ(replayed.damaged, 2u);
  // What is noted next has a line of its own.
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    EXPECT_TRUE(journal.Note(Hard("d.example"), {""}));
  }
  EXPECT_EQ(Replay().flushes, 2u);
}

TEST_F(FlushJournalTest, OneThatCannotBeWrittenTakesNoOtherWithIt) {
  cache();
  auto held = std::make_unique<FlushJournal>();
  FlushJournal& journal = *held;
  ASSERT_TRUE(journal.Open(path_));
  EXPECT_TRUE(journal.Note(Hard("a.example"), {""}));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit full = before;
  full.rlim_cur = std::filesystem::file_size(path_ + ".flushes") + 10;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  EXPECT_FALSE(journal.Note(Hard("b.example"), {""}));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(journal.lost(), 1u);
  EXPECT_TRUE(journal.Note(Hard("c.example"), {""}));
  held.reset();
  const auto replayed = Replay();
  EXPECT_EQ(replayed.flushes, 2u);
  EXPECT_EQ(replayed.damaged, 0u);
}

TEST_F(FlushJournalTest, RefusesAFileThatIsNone) {
  Write("something else\n");
  FlushJournal journal;
  const auto opened = journal.Open(path_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("move it away"), std::string::npos);
  EXPECT_FALSE(journal.Note(Hard("a.example"), {""}));
  EXPECT_EQ(Text(), "something else\n");
  Write("breakw");  // one that was cut off at its beginning is no reason
  EXPECT_TRUE(FlushJournal().Open(path_));
  std::filesystem::remove(path_ + ".flushes");
  ASSERT_TRUE(journal.Open(path_));
  ASSERT_EQ(chmod((path_ + ".flushes").c_str(), 0666), 0);
  const auto writable = FlushJournal().Open(path_);
  ASSERT_FALSE(writable);
  EXPECT_NE(writable.error().find("nobody else may write"), std::string::npos);
}

TEST_F(FlushJournalTest, TwoProcessesDoNotShareOne) {
  FlushJournal journal;
  ASSERT_TRUE(journal.Open(path_));
  EXPECT_TRUE(journal.Note(Hard("a.example"), {""}));
  ASSERT_TRUE(journal.Forget(journal.Mark()));  // the file is another one from now on
  const auto opened = FlushJournal().Open(path_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("another process writes to it"), std::string::npos);
}

TEST_F(FlushJournalTest, TheSameFlushTwiceIsMadeAnewOnce) {
  cache();
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    for (const char* name : {"a.example", "b.example", "a.example"}) journal.Note(Hard(name), {""});
    EXPECT_TRUE(journal.Note(Hard("a.example"), {"other"}));
  }
  EXPECT_EQ(Replay().flushes, 3u);
  EXPECT_EQ(cache().Stats().flushes, 2u);
}

// It would wait for the disk, and with it all its queries.
TEST_F(FlushJournalTest, AWorkerHandsOnWhatIsToBeWritten) {
  cache();
  {
    FlushJournal journal;
    ASSERT_TRUE(journal.Open(path_));
    const size_t before = journal.Mark();
    rlimit old{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    const rlimit full{.rlim_cur = before, .rlim_max = old.rlim_max};
    // Nothing can be written: who writes by itself is told so, a worker never learns.
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
    bool noted = false;
    std::thread worker([&] {
      MarkThreadHurried();
      noted = journal.Note(Hard("lost.example"), {""});
    });
    worker.join();
    EXPECT_TRUE(noted);
    while (journal.lost() == 0) std::this_thread::yield();
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    std::thread other([&] {
      MarkThreadHurried();
      for (const char* name : {"a.example", "b.example"}) journal.Note(Hard(name), {""});
    });
    other.join();
  }
  EXPECT_EQ(Replay().flushes, 2u);
}

TEST_F(FlushJournalTest, LinesThatAreNoneAreNotUnderstood) {
  const JournalledFlush flush{.flush = Hard("a.example"), .pools = {"p"}};
  std::string line = JournalLineOf(flush);
  line.pop_back();
  ASSERT_TRUE(ParseJournalLine(line));
  EXPECT_EQ(ParseJournalLine(line)->pools, flush.pools);
  for (size_t size = 0; size < line.size(); ++size) {
    EXPECT_FALSE(ParseJournalLine(std::string_view(line).substr(0, size))) << size;
  }
  // A soft one is none of its flushes.
  const JournalledFlush soft{.flush = {.name = NameOf("a.example")}, .pools = {"p"}};
  std::string soft_line = JournalLineOf(soft);
  soft_line.pop_back();
  EXPECT_FALSE(ParseJournalLine(soft_line));
}

}  // namespace
}  // namespace breakwater::test
