#include "lua/collector_objects.h"

#include <fmt/format.h>

#include "lua/options.h"
#include "lua/packet_call.h"
#include "lua/question_view.h"
#include "lua/trial_run.h"
#include "proxy/web/server_id.h"

namespace breakwater::lua {
namespace {

// The message is Lua's for the call and is taken back after it; one that a script keeps is empty.
template <typename View, typename Message>
AlterMessage<Message> MakeAlter(const LuaFunction& function) {
  return [function](Query& query, RuleContext& context, Message& message) {
    RuleContext own = context;
    own.suspender = nullptr;  // the query goes on whatever is said here
    const ViewGuard<View> guard(query, &own);
    const auto shared = std::make_shared<Message>(std::move(message));
    const auto push = [&](lua_State* state) {
      PushObject(state, guard.view());
      PushObject(state, shared);
    };
    const CallEnd end = CallForPacket(function, {.what = "an alter function of a collector",
                                                 .arguments = 2,
                                                 .results = 0,
                                                 .push = push,
                                                 .take = {}});
    if (end != CallEnd::kDone) return false;
    message = std::move(*shared);
    return true;
  };
}

template <typename View, typename Message>
TextResult<AlterMessage<Message>> ReadAlter(Call& call, int index) {
  const auto function = Reader<std::optional<LuaFunction>>::Read(call, index);
  if (!function) return Fail(function.error());
  if (!*function) return AlterMessage<Message>();
  return MakeAlter<View, Message>(**function);
}

void AddActionTrial(Call& call, int index, const ActionPtr& action) {
  const auto function = Reader<std::optional<LuaFunction>>::Read(call, index);
  if (!function || !*function) return;
  AddTrial(**function, [action](Trial& trial) { action->Apply(trial.query(), trial.context()); });
}
void AddResponseTrial(Call& call, int index, const ResponseActionPtr& action) {
  const auto function = Reader<std::optional<LuaFunction>>::Read(call, index);
  if (!function || !*function) return;
  AddTrial(**function, [action](Trial& trial) { action->Apply(trial.answer(), trial.context()); });
}

TextResult<CollectorPtr> ReadCollector(Call& call, int index, CollectorFraming framing) {
  auto collector = ReadObject<Collector>(call, index);
  if (!collector) return Fail(std::move(collector.error()));
  if ((*collector)->settings().framing == framing) return collector;
  return Fail(std::string(framing == CollectorFraming::kFrameStream
                              ? "needs a logger of newFrameStreamUnixLogger() or "
                                "newFrameStreamTcpLogger(); RemoteLogAction takes this one"
                              : "needs a logger of newRemoteLogger(); DnstapLogAction takes this "
                                "one"));
}

// A value of the wrong type is an error, as in dnsdist, and no warning beside it.
class StrictOptions {
 public:
  StrictOptions(Call& call, int index, Options& options)
      : state_(call.state()), index_(index), options_(options) {}
  template <typename T>
  void Read(const char* name, T* value) {
    if (IsWrong<T>(name)) {
      options_.Accept({name});
      options_.Reject(fmt::format("option '{}' must be a {}", name, Reader<T>::kExpected));
    } else {
      options_.Read(name, value);
    }
  }

 private:
  template <typename T>
  bool IsWrong(const char* name) {
    if (!IsTable(state_, index_)) return false;
    lua_pushstring(state_, name);
    lua_rawget(state_, index_);
    const bool wrong = !lua_isnil(state_, -1) && !Reader<T>::Accepts(state_, lua_gettop(state_));
    lua_pop(state_, 1);
    return wrong;
  }
  lua_State* state_;
  int index_;
  Options& options_;
};

TextResult<void> ReadCipher(StrictOptions& options, ProtobufTelling* telling) {
  std::string key, method = "legacy";
  options.Read("ipEncryptKey", &key);
  options.Read("ipEncryptMethod", &method);
  if (method != "legacy" && method != "ipcrypt-pfx") {
    return Fail(
        fmt::format("ipEncryptMethod '{}' is not known; there are legacy and ipcrypt-pfx", method));
  }
  if (key.empty()) return {};
  if (method == "legacy") {
    const auto read = IpCipherKeyFrom(key);
    if (!read) return Fail("ipEncryptKey: " + read.error());
    telling->client_cipher = *read;
  } else {
    const auto read = IpPrefixKeyFrom(key);
    if (!read) return Fail("ipEncryptKey: " + read.error());
    telling->client_cipher = *read;
  }
  return {};
}

enum class Kind : uint8_t { kQuery, kResponse };

TextResult<void> ReadOptions(Call& call, int index, Kind kind, ProtobufTelling* telling) {
  auto options = Reader<Options>::Read(call, index);
  if (!options) return Fail(std::move(options.error()));
  StrictOptions strict(call, index, *options);
  std::string tags;
  bool use_server_id = false;
  strict.Read("serverID", &telling->server_identity);
  strict.Read("useServerID", &use_server_id);
  strict.Read("exportTags", &tags);
  if (kind == Kind::kResponse) {
    strict.Read("exportExtendedErrorsToMeta", &telling->extended_error_key);
  }
  if (auto good = ReadCipher(strict, telling); !good) return good;
  if (use_server_id) {
    if (!telling->server_identity.empty()) call.Warn("useServerID is set, serverID is ignored");
    telling->server_identity = ServerId(call.builder().config().settings);
  }
  telling->tags = TagExport(tags);
  return options->Finish();
}

TextResult<void> ReadMetas(Call& call, int index, ProtobufTelling* telling) {
  lua_State* const state = call.state();
  if (lua_isnoneornil(state, index)) return {};
  if (!IsTable(state, index)) return Fail(TypeError(call, index, "table of metas"));
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (lua_type(state, -1) != LUA_TSTRING || lua_type(state, -2) != LUA_TSTRING) {
      lua_pop(state, 2);
      return Fail(std::string("metas are texts by name: {client=\"sni\"}"));
    }
    auto meta = ProtobufMeta::Parse(PlainText(state, -2), PlainText(state, -1));
    if (!meta) {
      lua_pop(state, 2);
      return Fail("metas: " + meta.error());
    }
    telling->metas.push_back(std::move(*meta));
    lua_pop(state, 1);
  }
  return {};
}

template <typename View>
TextResult<DnstapTelling> ReadDnstap(Call& call) {
  auto identity = Reader<std::string>::Read(call, 1);
  if (!identity) return Fail(std::move(identity.error()));
  auto collector = ReadCollector(call, 2, CollectorFraming::kFrameStream);
  if (!collector) return Fail(std::move(collector.error()));
  auto alter = ReadAlter<View, DnstapMessage>(call, 3);
  if (!alter) return Fail(std::move(alter.error()));
  return DnstapTelling{std::move(*collector), std::move(*identity), std::move(*alter)};
}

}  // namespace

TextResult<ActionPtr> RemoteLog(Call& call) {
  ProtobufTelling telling;
  auto collector = ReadCollector(call, 1, CollectorFraming::kLength16);
  if (!collector) return Fail(std::move(collector.error()));
  telling.collector = std::move(*collector);
  auto alter = ReadAlter<QuestionView, ProtobufMessage>(call, 2);
  if (!alter) return Fail(std::move(alter.error()));
  telling.alter = std::move(*alter);
  if (auto good = ReadOptions(call, 3, Kind::kQuery, &telling); !good) return Fail(good.error());
  if (auto good = ReadMetas(call, 4, &telling); !good) return Fail(good.error());
  ActionPtr action = MakeRemoteLogAction(std::move(telling));
  AddActionTrial(call, 2, action);
  return action;
}

TextResult<ResponseActionPtr> RemoteLogResponse(Call& call) {
  ProtobufTelling telling;
  auto collector = ReadCollector(call, 1, CollectorFraming::kLength16);
  if (!collector) return Fail(std::move(collector.error()));
  telling.collector = std::move(*collector);
  auto alter = ReadAlter<ResponseView, ProtobufMessage>(call, 2);
  if (!alter) return Fail(std::move(alter.error()));
  telling.alter = std::move(*alter);
  const auto aliases = Reader<std::optional<bool>>::Read(call, 3);
  if (!aliases) return Fail(aliases.error());
  if (aliases->value_or(false)) telling.records = RecordChoice::kAddressesAndAliases;
  if (auto good = ReadOptions(call, 4, Kind::kResponse, &telling); !good) {
    return Fail(good.error());
  }
  if (auto good = ReadMetas(call, 5, &telling); !good) return Fail(good.error());
  const auto delay = Reader<std::optional<bool>>::Read(call, 6);
  if (!delay) return Fail(delay.error());
  if (delay->value_or(false)) telling.when = TellWhen::kAtQueryEnd;
  ResponseActionPtr action = MakeRemoteLogResponseAction(std::move(telling));
  AddResponseTrial(call, 2, action);
  return action;
}

TextResult<ActionPtr> DnstapLog(Call& call) {
  auto telling = ReadDnstap<QuestionView>(call);
  if (!telling) return Fail(std::move(telling.error()));
  ActionPtr action = MakeDnstapLogAction(std::move(*telling));
  AddActionTrial(call, 3, action);
  return action;
}

TextResult<ResponseActionPtr> DnstapLogResponse(Call& call) {
  auto telling = ReadDnstap<ResponseView>(call);
  if (!telling) return Fail(std::move(telling.error()));
  ResponseActionPtr action = MakeDnstapLogResponseAction(std::move(*telling));
  AddResponseTrial(call, 3, action);
  return action;
}

}  // namespace breakwater::lua
