#include "proxy/observe/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace breakwater {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while ((at = line.find_first_not_of(" \t", at)) != std::string_view::npos) {
    const size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

// Calls `visit(line)` until it returns true.
template <typename Visit>
void ForEachLine(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (visit(text.substr(0, end))) return;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

uint64_t CountDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count > 0 ? count - 1 : 0;  // not the directory itself
}

uint64_t Milliseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_usec) / 1000;
}

UdpErrors ReadUdp(std::string_view table) {
  return {FindInTable(table, "Udp:", "InErrors"), FindInTable(table, "Udp:", "NoPorts"),
          FindInTable(table, "Udp:", "RcvbufErrors"), FindInTable(table, "Udp:", "SndbufErrors"),
          FindInTable(table, "Udp:", "InCsumErrors")};
}

UdpErrors ReadUdp6(std::string_view list) {
  return {FindInList(list, "Udp6InErrors"), FindInList(list, "Udp6NoPorts"),
          FindInList(list, "Udp6RcvbufErrors"), FindInList(list, "Udp6SndbufErrors"),
          FindInList(list, "Udp6InCsumErrors")};
}

}  // namespace

uint64_t FindInTable(std::string_view table, std::string_view prefix, std::string_view column) {
  std::vector<std::string_view> names;
  uint64_t value = 0;
  ForEachLine(table, [&](std::string_view line) {
    if (!line.starts_with(prefix)) return false;
    if (names.empty()) {
      names = Words(line);
      return false;
    }
    const auto values = Words(line);
    for (size_t i = 0; i < names.size() && i < values.size(); ++i) {
      if (names[i] == column) value = Number(values[i]);
    }
    return true;
  });
  return value;
}

uint64_t FindInList(std::string_view list, std::string_view name) {
  uint64_t value = 0;
  ForEachLine(list, [&](std::string_view line) {
    const auto words = Words(line);
    if (words.size() < 2 || words[0] != name) return false;
    value = Number(words[1]);
    return true;
  });
  return value;
}

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  const std::string statm = ReadFile("/proc/self/statm");
  if (const auto words = Words(statm); words.size() > 1) {
    stats.real_memory_bytes = Number(words[1]) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  stats.fd_usage = CountDescriptors();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  stats.cpu_user_ms = Milliseconds(usage.ru_utime);
  stats.cpu_sys_ms = Milliseconds(usage.ru_stime);
  // proc(5): cpu user nice system idle iowait irq softirq steal ...
  const std::string stat = ReadFile("/proc/stat");
  if (const auto words = Words(std::string_view(stat).substr(0, stat.find('\n')));
      words.size() > 8) {
    stats.cpu_iowait = Number(words[5]);
    stats.cpu_steal = Number(words[8]);
  }
  return stats;
}

uint64_t ReadSpecialMemoryBytes() {
  const std::string smaps = ReadFile("/proc/self/smaps_rollup");
  return (FindInList(smaps, "Private_Clean:") + FindInList(smaps, "Private_Dirty:")) * 1024;
}

NetworkStats ReadNetworkStats() {
  NetworkStats stats;
  stats.udp = ReadUdp(ReadFile("/proc/net/snmp"));
  stats.udp6 = ReadUdp6(ReadFile("/proc/net/snmp6"));
  stats.tcp_listen_overflows =
      FindInTable(ReadFile("/proc/net/netstat"), "TcpExt:", "ListenOverflows");
  return stats;
}

}  // namespace breakwater
