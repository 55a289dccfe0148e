#include "proxy/net/acceptor.h"

#include <cerrno>
#include <utility>

#include "proxy/net/tcp_socket.h"

namespace breakwater {
namespace {

constexpr int kAcceptsATurn = 32;
constexpr MonoTime kRest = MonoTime::FromMs(100);

bool IsFamine(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Acceptor::Acceptor(Loop& loop, UniqueFd socket, Handlers handlers)
    : loop_(loop),
      shared_(std::make_shared<Shared>(Shared{std::move(handlers)})),
      poller_(loop, std::move(socket), [this](bool, bool) { OnReadable(); }) {
  poller_.Watch({.readable = true});
}

Acceptor::~Acceptor() {
  shared_->alive = false;
  loop_.timers().Cancel(rest_);
}

void Acceptor::OnReadable() {
  const std::shared_ptr<Shared> shared = shared_;
  for (int i = 0; i < kAcceptsATurn && shared->alive; ++i) {
    Accepted accepted = AcceptConnection(poller_.fd());
    if (accepted.fd.valid()) {
      shared->handlers.on_connection(std::move(accepted.fd), accepted.peer);
      continue;
    }
    if (IsFamine(accepted.error)) Rest(accepted.error);
    return;
  }
}

void Acceptor::Rest(int error) {
  poller_.Watch({});
  rest_ = loop_.timers().Add(loop_.now() + kRest, [this] {
    rest_ = 0;
    poller_.Watch({.readable = true});
  });
  const std::shared_ptr<Shared> shared = shared_;
  if (shared->handlers.on_famine) shared->handlers.on_famine(error);
}

}  // namespace breakwater
