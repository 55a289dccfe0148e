#include "proxy/worker/flush_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"

namespace breakwater {
namespace {

class FlushFileTest : public testing::Test {
 protected:
  void Append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  // "1:a 2:b" of what is new.
  static std::string News(FlushFile& file) {
    std::string text;
    const auto news = file.Read();
    if (!news) return "! " + news.error();
    for (const auto& [number, line] : news->lines) {
      text += (text.empty() ? "" : " ") + std::to_string(number) + ":" + line;
    }
    return text;
  }

  test::TemporaryFolder directory_;
  std::string path_ = directory_ / "flush";
};

TEST_F(FlushFileTest, WhatIsAppendedIsNewWithItsLineNumber) {
  Append("old\nolder\n");
  FlushFile file(path_);
  EXPECT_EQ(News(file), "");
  Append("a\nb\n");
  EXPECT_EQ(News(file), "3:a 4:b");
  EXPECT_EQ(News(file), "");
  Append("c\n");
  EXPECT_EQ(News(file), "5:c");
}

TEST_F(FlushFileTest, AnUnfinishedLastLineWaitsForItsEnd) {
  Append("old\nhal");
  FlushFile file(path_);
  EXPECT_EQ(News(file), "");
  Append("f\nexam");
  EXPECT_EQ(News(file), "2:half");
  Append("ple");
  EXPECT_EQ(News(file), "");
  Append(".com\n");
  EXPECT_EQ(News(file), "3:example.com");
}

TEST_F(FlushFileTest, AFileThatAppearsLaterIsReadFromItsBeginning) {
  FlushFile file(path_);
  EXPECT_EQ(News(file), "");
  EXPECT_TRUE(file.missing());
  Append("a\n");
  EXPECT_EQ(News(file), "1:a");
  EXPECT_FALSE(file.missing());
}

TEST_F(FlushFileTest, ARotatedFileIsReadToItsEndAndThenTheNewOne) {
  Append("old\n");
  FlushFile file(path_);
  Append("a\nlast without its end");
  std::filesystem::rename(path_, path_ + ".1");
  Append("b\n");
  EXPECT_EQ(News(file), "2:a 3:last without its end 1:b");
  Append("c\n");
  EXPECT_EQ(News(file), "2:c");
}

TEST_F(FlushFileTest, WhatIsWrittenToAMovedFileBeforeTheNewOneComesIsNotLost) {
  Append("old\n");
  FlushFile file(path_);
  std::filesystem::rename(path_, path_ + ".1");
  std::ofstream(path_ + ".1", std::ios::app) << "late\n";
  EXPECT_EQ(News(file), "2:late");
  Append("b\n");
  EXPECT_EQ(News(file), "1:b");
}

TEST_F(FlushFileTest, ATruncatedFileBeginsAnew) {
  Append("some long line that is old\nunfinished");
  FlushFile file(path_);
  EXPECT_EQ(News(file), "");
  Write("a\n");
  EXPECT_EQ(News(file), "1:a");
}

TEST_F(FlushFileTest, WhatIsNoFileIsAnErrorUntilItIsOne) {
  std::filesystem::create_directory(path_);
  FlushFile file(path_);
  EXPECT_EQ(News(file), "! it is not a regular file");
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(News(file), "! it is not a regular file");
  std::filesystem::remove(path_);
  Append("a\n");
  EXPECT_EQ(News(file), "1:a");
}

TEST_F(FlushFileTest, ManyLinesComeInPartsAndNoneIsLost) {
  FlushFile file(path_);
  constexpr size_t kLines = 300'000;
  std::string text;
  for (size_t i = 0; i < kLines; ++i) text += "zone" + std::to_string(i) + ".example\n";
  Append(text);
  size_t lines = 0;
  for (bool more = true; more;) {
    const auto news = file.Read();
    ASSERT_TRUE(news);
    EXPECT_LE(news->lines.size(), 100'000u);
    for (const NumberedLine& line : news->lines) {
      ASSERT_EQ(line.text, "zone" + std::to_string(lines) + ".example");
      ASSERT_EQ(line.number, ++lines);
    }
    more = news->more;
  }
  EXPECT_EQ(lines, kLines);
}

TEST(LineCutterTest, ALineThatIsTooLongIsOneLineAndNoMoreMemory) {
  LineCutter cutter;
  std::vector<NumberedLine> lines;
  for (int i = 0; i < 1000; ++i) cutter.Add(std::string(1000, 'x'), &lines);
  cutter.Add("\nshort\n", &lines);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_LT(lines[0].text.size(), 3000u);
  EXPECT_EQ(lines[1].number, 2u);
  EXPECT_EQ(lines[1].text, "short");
}

class FlushFileStateTest : public FlushFileTest {
 protected:
  std::string State() const { return directory_ / "state"; }
  // A program that reads what there is, does it, and ends.
  std::string Run() {
    FlushFile file(path_, State());
    note_ = file.TakeNote();
    std::string news = News(file);
    const auto saved = file.Save();
    EXPECT_TRUE(saved) << saved.error();
    return news;
  }
  std::string note_;
};

TEST_F(FlushFileStateTest, GoesOnWhereTheLastProgramLeftOff) {
  Append("old\n");
  EXPECT_EQ(Run(), "");
  Append("a\nb\nhal");
  EXPECT_EQ(Run(), "2:a 3:b");
  EXPECT_EQ(note_, "goes on at line 2");
  Append("f\nc\n");
  EXPECT_EQ(Run(), "4:half 5:c");
  EXPECT_EQ(Run(), "");
  EXPECT_EQ(note_, "");
}

TEST_F(FlushFileStateTest, WhatWasNotDoneIsReadAgain) {
  EXPECT_EQ(Run(), "");
  Append("a\n");
  {
    FlushFile file(path_, State());
    EXPECT_EQ(News(file), "1:a");  // and is not saved
  }
  EXPECT_EQ(Run(), "1:a");
}

TEST_F(FlushFileStateTest, OfAFileThatWasReplacedAllCounts) {
  Append("old\nolder\n");
  EXPECT_EQ(Run(), "");
  std::filesystem::rename(path_, path_ + ".1");
  Append("new\nnewer\nnewest\n");
  EXPECT_EQ(Run(), "1:new 2:newer 3:newest");
  EXPECT_NE(note_.find("replaced or cut"), std::string::npos) << note_;
  // Cut and written anew, longer than before: its beginning tells.
  Write("this is something else\nand more\nand even more of it\n");
  EXPECT_EQ(Run(), "1:this is something else 2:and more 3:and even more of it");
  Write("a\n");
  EXPECT_EQ(Run(), "1:a");
  EXPECT_EQ(Run(), "");
}

TEST_F(FlushFileStateTest, AFileThatAppearsBetweenTwoProgramsIsNew) {
  Append("old\n");
  EXPECT_EQ(Run(), "");
  std::filesystem::remove(path_);
  EXPECT_EQ(Run(), "");
  Append("a\n");
  EXPECT_EQ(Run(), "1:a");
}

TEST_F(FlushFileStateTest, AStateThatIsNoneIsToldAndAllOfTheFileCounts) {
  Append("old\n");
  for (const char* text : {"", "nonsense\n", "breakwater position 1 1 1 1 1 1 1\n"}) {
    std::ofstream(State()) << text;
    EXPECT_EQ(Run(), "1:old") << text;
    EXPECT_NE(note_.find("tells of no place in a file"), std::string::npos) << note_;
    EXPECT_EQ(Run(), "");
    EXPECT_EQ(note_, "");
  }
}

TEST(FilePosition, IsReadAsItIsWrittenAndNotOtherwise) {
  const FilePosition position{.device = 1, .inode = UINT64_MAX, .offset = 3, .lines = 4, .head = 5};
  const std::string text = PositionText(position);
  EXPECT_EQ(ParsePosition(text), position);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] ^= 1;
    EXPECT_NE(ParsePosition(wrong), position) << wrong;
    EXPECT_FALSE(ParsePosition(text.substr(0, i)));
  }
}

}  // namespace
}  // namespace breakwater
