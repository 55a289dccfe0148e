// A configuration made from text, for tests: Load() writes the text to a file of its own and reads
// it; then console lines can be run.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "lua/configuration.h"

namespace breakwater::lua {

class LuaTest : public testing::Test {
 protected:
  LuaTest() {
    char name[] = "/tmp/breakwater_lua_XXXXXX";
    directory_ = mkdtemp(name);
    path_ = directory_ + "/test.conf";
  }
  ~LuaTest() override {
    const std::string command = "rm -rf " + directory_;
    if (system(command.c_str()) != 0) ADD_FAILURE() << command;
  }

  // Empty on success.
  std::string TryLoad(const std::string& text, RuntimeOptions options = {}) {
    std::ofstream(path_) << text;
    return TryLoadFile(path_, options);
  }
  std::string TryLoadFile(const std::string& path, RuntimeOptions options = {}) {
    configuration_.reset();
    builder_ = std::make_unique<ConfigBuilder>();
    auto loaded = Configuration::Load(path, *builder_, options);
    if (!loaded) return loaded.error();
    configuration_ = std::move(*loaded);
    return {};
  }
  void Load(const std::string& text, RuntimeOptions options = {}) {
    ASSERT_EQ(TryLoad(text, options), "");
  }
  std::string Run(const std::string& line) { return configuration_->RunCommand(line); }
  ConfigPtr config() const { return configuration_->CurrentConfig(); }
  std::string WriteFile(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  bool Warned(const std::string& text) const {
    for (const std::string& warning : configuration_->warnings()) {
      if (warning.find(text) != std::string::npos) return true;
    }
    return false;
  }

  std::string directory_;
  std::string path_;
  std::unique_ptr<ConfigBuilder> builder_;
  std::unique_ptr<Configuration> configuration_;
};

}  // namespace breakwater::lua
