// The least a UDP relay can do: datagrams of clients go to one backend under an ID of our own, its
// answers go back under the client's; both ways in batches of up to 64, with a table by ID and no
// look at anything else. A proxy's pass-through is measured against it.
//
//   bare_relay PORT BACKEND_PORT      both on 127.0.0.1, until SIGTERM
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr size_t kBatch = 64;
constexpr size_t kSize = 4096;

struct Waiting {
  sockaddr_in client;
  uint16_t id;
};

// One direction's buffers: received into, rewritten in place, sent from.
struct Batch {
  std::array<std::array<uint8_t, kSize>, kBatch> bytes;
  std::array<sockaddr_in, kBatch> peers;
  std::array<iovec, kBatch> iovs;
  std::array<mmsghdr, kBatch> messages;

  int Receive(int fd) {
    for (size_t i = 0; i < kBatch; ++i) {
      iovs[i] = {bytes[i].data(), kSize};
      messages[i].msg_hdr = {};
      messages[i].msg_hdr.msg_name = &peers[i];
      messages[i].msg_hdr.msg_namelen = sizeof peers[i];
      messages[i].msg_hdr.msg_iov = &iovs[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    return recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  }

  void Send(int fd, unsigned count) {
    for (unsigned sent = 0; sent < count;) {
      const int done = sendmmsg(fd, messages.data() + sent, count - sent, 0);
      sent += done > 0 ? static_cast<unsigned>(done) : 1;
    }
  }
};

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int OpenSocket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int bytes = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

class Relay {
 public:
  Relay(int clients, int backend) : clients_(clients), backend_(backend), waiting_(65536) {}

  void Run() {
    std::array<pollfd, 2> fds = {{{clients_, POLLIN, 0}, {backend_, POLLIN, 0}}};
    for (;;) {
      poll(fds.data(), fds.size(), -1);
      if (fds[0].revents & POLLIN) PassQueries();
      if (fds[1].revents & POLLIN) PassAnswers();
    }
  }

 private:
  void PassQueries() {
    const int received = batch_.Receive(clients_);
    for (int i = 0; i < received; ++i) {
      const auto slot = static_cast<size_t>(i);
      uint8_t* packet = batch_.bytes[slot].data();
      const uint16_t id = next_++;
      waiting_[id].client = batch_.peers[slot];
      std::memcpy(&waiting_[id].id, packet, 2);
      std::memcpy(packet, &id, 2);
      batch_.iovs[slot].iov_len = batch_.messages[slot].msg_len;
      batch_.messages[slot].msg_hdr.msg_name = nullptr;
      batch_.messages[slot].msg_hdr.msg_namelen = 0;
    }
    if (received > 0) batch_.Send(backend_, static_cast<unsigned>(received));
  }

  void PassAnswers() {
    const int received = batch_.Receive(backend_);
    for (int i = 0; i < received; ++i) {
      const auto slot = static_cast<size_t>(i);
      uint8_t* packet = batch_.bytes[slot].data();
      uint16_t id = 0;
      std::memcpy(&id, packet, 2);
      std::memcpy(packet, &waiting_[id].id, 2);
      batch_.peers[slot] = waiting_[id].client;
      batch_.iovs[slot].iov_len = batch_.messages[slot].msg_len;
      batch_.messages[slot].msg_hdr.msg_namelen = sizeof batch_.peers[slot];
    }
    if (received > 0) batch_.Send(clients_, static_cast<unsigned>(received));
  }

  int clients_;
  int backend_;
  uint16_t next_ = 1;
  std::vector<Waiting> waiting_;
  Batch batch_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s PORT BACKEND_PORT\n", argv[0]);
    return 2;
  }
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  const sockaddr_in own = Loopback(static_cast<uint16_t>(std::atoi(argv[1])));
  const sockaddr_in other = Loopback(static_cast<uint16_t>(std::atoi(argv[2])));
  const int clients = OpenSocket();
  const int backend = OpenSocket();
  if (bind(clients, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      connect(backend, reinterpret_cast<const sockaddr*>(&other), sizeof other) != 0) {
    std::perror("bare_relay");
    return 1;
  }
  static Relay relay(clients, backend);
  relay.Run();
}
