#include "proxy/worker/file_position.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "proxy/base/hash.h"
#include "proxy/base/text.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {
namespace {

constexpr std::string_view kMagic = "breakwater position 1";
constexpr uint64_t kSeed = 0x706f736974696f6e;
constexpr size_t kHead = 4096;
constexpr size_t kLongest = 512;

std::string Problem(const std::string& path) {
  return fmt::format("'{}': {}", path, std::strerror(errno));
}

uint64_t SumOf(std::string_view text) {
  return HashBytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, kSeed);
}

}  // namespace

std::optional<uint64_t> HeadSum(int fd, uint64_t offset) {
  std::array<char, kHead> head;
  const size_t wanted = std::min<uint64_t>(offset, head.size());
  if (pread(fd, head.data(), wanted, 0) != static_cast<ssize_t>(wanted)) return std::nullopt;
  return SumOf({head.data(), wanted});
}

std::string PositionText(const FilePosition& position) {
  const std::string text = fmt::format("{} {} {} {} {} {}", kMagic, position.device, position.inode,
                                       position.offset, position.lines, position.head);
  return fmt::format("{} {}\n", text, SumOf(text));
}

std::optional<FilePosition> ParsePosition(std::string_view text) {
  if (!text.starts_with(kMagic) || !text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  const auto words = Split(text.substr(kMagic.size()), ' ');
  std::array<uint64_t, 6> numbers{};
  if (words.size() != numbers.size() + 1 || !words[0].empty()) return std::nullopt;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const std::string_view word = words[i + 1];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), numbers[i]);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  }
  if (SumOf(text.substr(0, text.rfind(' '))) != numbers[5]) return std::nullopt;
  return FilePosition{.device = numbers[0],
                      .inode = numbers[1],
                      .offset = numbers[2],
                      .lines = numbers[3],
                      .head = numbers[4]};
}

TextResult<std::optional<FilePosition>> LoadPosition(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) return std::optional<FilePosition>();
  std::array<char, kLongest> text;
  const ssize_t got = fd.valid() ? read(fd.get(), text.data(), text.size()) : -1;
  if (got < 0) return Fail(Problem(path));
  const auto position = ParsePosition({text.data(), static_cast<size_t>(got)});
  if (!position) return Fail(fmt::format("'{}': it tells of no place in a file", path));
  return position;
}

TextResult<void> SavePosition(const std::string& path, const FilePosition& position) {
  const std::string beside = path + ".new";
  const std::string text = PositionText(position);
  (void)unlink(beside.c_str());  // whatever it is: what is made is ours alone
  const UniqueFd fd(
      open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return Fail(Problem(beside));
  const ssize_t done = write(fd.get(), text.data(), text.size());
  if (done >= 0 && done != std::ssize(text)) errno = ENOSPC;
  if (done != std::ssize(text) || fdatasync(fd.get()) != 0 ||
      rename(beside.c_str(), path.c_str()) != 0) {
    return Fail(Problem(beside));
  }
  return {};
}

}  // namespace breakwater
