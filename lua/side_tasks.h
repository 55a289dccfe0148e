// What bindings make that has something going beside the workers. It runs from the moment the
// configuration is published on; where a file is only checked, and in the console's client,
// nothing is opened.
#pragma once

#include <memory>
#include <string>

#include "lua/bindings.h"
#include "proxy/rules/log_file.h"
#include "proxy/rules/tee_socket.h"

namespace breakwater::lua {

// Null for an empty path, and where nothing is opened.
TextResult<std::shared_ptr<LogFile>> OpenLogFile(Call& call, const std::string& path,
                                                 const LogFileOptions& options);

// Never null; where nothing is opened it sends nothing.
TextResult<std::shared_ptr<TeeSocket>> OpenTeeSocket(Call& call, const Address& server,
                                                     const Address& source);

}  // namespace breakwater::lua
