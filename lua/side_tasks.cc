#include "lua/side_tasks.h"

namespace breakwater::lua {
namespace {

bool OpensNothing(Call& call) {
  return call.runtime().options().check || call.runtime().options().client;
}

void Keep(Call& call, const std::shared_ptr<SideTask>& task) {
  auto& list = call.builder().Edit().settings.side_tasks;
  std::erase_if(list, [](const auto& known) { return known.expired(); });
  list.push_back(task);
}

}  // namespace

TextResult<std::shared_ptr<LogFile>> OpenLogFile(Call& call, const std::string& path,
                                                 const LogFileOptions& options) {
  if (path.empty() || call.runtime().options().client) return std::shared_ptr<LogFile>();
  if (call.runtime().options().check) {
    if (auto good = LogFile::Check(path); !good) return Fail(std::move(good.error()));
    return std::shared_ptr<LogFile>();
  }
  auto file = LogFile::Open(path, options);
  if (file) Keep(call, *file);
  return file;
}

TextResult<std::shared_ptr<TeeSocket>> OpenTeeSocket(Call& call, const Address& server,
                                                     const Address& source) {
  if (OpensNothing(call)) return std::make_shared<TeeSocket>(server, UniqueFd(), UniqueFd());
  auto socket = TeeSocket::Open(server, source);
  if (socket) Keep(call, *socket);
  return socket;
}

}  // namespace breakwater::lua
