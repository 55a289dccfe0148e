// Datagrams from one address as fast as they go, all with the same question; nobody reads answers.
//
//   flood SOURCE PORT COUNT      to 127.0.0.1; prints its own CPU seconds for a million datagrams
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr size_t kBatch = 64;
// f1.example, A; the last octet, of the class, is set below.
constexpr char kQuestion[] = "\0\1\1\0\0\1\0\0\0\0\0\0\2f1\7example\0\0\1\0";

sockaddr_in At(const char* host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: flood SOURCE PORT COUNT\n");
    return 2;
  }
  const sockaddr_in from = At(argv[1], 0);
  const sockaddr_in to = At("127.0.0.1", std::atoi(argv[2]));
  const long count = std::atol(argv[3]);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
      connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    std::perror("flood");
    return 1;
  }
  std::array<char, sizeof(kQuestion)> question;
  std::memcpy(question.data(), kQuestion, question.size());
  question.back() = 1;
  iovec part{question.data(), question.size()};
  std::array<mmsghdr, kBatch> messages{};
  for (mmsghdr& one : messages) {
    one.msg_hdr.msg_iov = &part;
    one.msg_hdr.msg_iovlen = 1;
  }
  long sent = 0;
  while (sent < count) {
    const int done = sendmmsg(fd, messages.data(), kBatch, 0);
    if (done > 0) sent += done;
  }
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  std::printf("%.3f\n",
              (Seconds(used.ru_utime) + Seconds(used.ru_stime)) * 1e6 / static_cast<double>(sent));
}
