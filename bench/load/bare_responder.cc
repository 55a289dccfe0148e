// The least a UDP server can do: receives up to 64 datagrams with one call, makes each its own
// answer (the question, with one A record behind it), and sends them with one call. What it costs
// is what the sockets cost; a proxy's cache hit is measured against it.
//
//   bare_responder PORT      serves 127.0.0.1:PORT until SIGTERM
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr size_t kBatch = 64;
constexpr size_t kSize = 1500;
constexpr size_t kHeader = 12;
// A pointer to the question's name, A, IN, TTL 86400, 192.0.2.1.
constexpr std::array<uint8_t, 16> kRecord = {0xc0, 12,   0, 1, 0,   1, 0, 1,
                                             0x51, 0x80, 0, 4, 192, 0, 2, 1};

struct Slot {
  std::array<uint8_t, kSize> bytes;
  sockaddr_in peer;
  iovec iov;
};

// Where the question ends; 0 for what is no plain query.
size_t QuestionEnd(const uint8_t* packet, size_t length) {
  size_t at = kHeader;
  while (at < length && packet[at] != 0) at += packet[at] + 1U;
  at += 5;
  return at <= length ? at : 0;
}

size_t MakeAnswer(uint8_t* packet, size_t length) {
  const size_t end = length > kHeader ? QuestionEnd(packet, length) : 0;
  if (end == 0 || end + kRecord.size() > kSize) return 0;
  packet[2] = static_cast<uint8_t>(packet[2] | 0x84);  // QR, AA
  packet[7] = 1;                                       // one answer
  packet[11] = 0;                                      // an OPT of the query is not sent back
  std::memcpy(packet + end, kRecord.data(), kRecord.size());
  return end + kRecord.size();
}

int OpenSocket(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("bare_responder: bind");
    std::exit(1);
  }
  const int bytes = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

void Serve(int fd) {
  static std::array<Slot, kBatch> slots;
  static std::array<mmsghdr, kBatch> in;
  static std::array<mmsghdr, kBatch> out;
  for (;;) {
    for (size_t i = 0; i < kBatch; ++i) {
      slots[i].iov = {slots[i].bytes.data(), kSize};
      in[i].msg_hdr = {};
      in[i].msg_hdr.msg_name = &slots[i].peer;
      in[i].msg_hdr.msg_namelen = sizeof slots[i].peer;
      in[i].msg_hdr.msg_iov = &slots[i].iov;
      in[i].msg_hdr.msg_iovlen = 1;
    }
    const int received = recvmmsg(fd, in.data(), kBatch, MSG_WAITFORONE, nullptr);
    unsigned count = 0;
    for (int i = 0; i < received; ++i) {
      const auto slot = static_cast<size_t>(i);
      const size_t length = MakeAnswer(slots[slot].bytes.data(), in[slot].msg_len);
      if (length == 0) continue;
      slots[slot].iov.iov_len = length;
      out[count++].msg_hdr = in[slot].msg_hdr;
    }
    for (unsigned sent = 0; sent < count;) {
      const int done = sendmmsg(fd, out.data() + sent, count - sent, 0);
      sent += done > 0 ? static_cast<unsigned>(done) : 1;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  Serve(OpenSocket(static_cast<uint16_t>(std::atoi(argv[1]))));
}
