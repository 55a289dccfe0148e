#include "proxy/net/kernel_filter_program.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "proxy/net/kernel_filter_keys.h"

namespace breakwater {
namespace {

// Registers: r0 results, r1 to r5 arguments that calls destroy, r6 to r9 kept, r10 the frame.
constexpr uint8_t kResult = BPF_REG_0;
constexpr uint8_t kContext = BPF_REG_6;
constexpr uint8_t kAt = BPF_REG_7;      // where in the datagram
constexpr uint8_t kLength = BPF_REG_8;  // of a label, then of the name
// While letters are folded.
constexpr uint8_t kLowBits = BPF_REG_0;
constexpr uint8_t kOverZ = BPF_REG_4;
constexpr uint8_t kFromA = BPF_REG_5;
constexpr uint8_t kHighBits = BPF_REG_9;
constexpr uint8_t kFrame = BPF_REG_10;

// Places in the frame. Addresses are no longer needed once the name's key is built.
constexpr int16_t kV4Range = -8;
constexpr int16_t kV4Key = -12;
constexpr int16_t kV6Range = -24;
constexpr int16_t kNameKey = -264;
constexpr int16_t kTypeKey = kNameKey + static_cast<int16_t>(offsetof(KernelNameKey, type));
constexpr int kNameKeyWords = 33;  // all of the key, in words of eight octets
constexpr int16_t kScratch = -272;

constexpr int kV4SourceAt = 12;  // in the IPv4 header
constexpr int kV6SourceAt = 8;
constexpr int kNameAt = 20;  // behind the headers of UDP and DNS
constexpr int kLongestName = static_cast<int>(dns::kMaxNameLength);

class Assembler {
 public:
  using Label = size_t;

  Label NewLabel() {
    labels_.push_back(0);
    return labels_.size() - 1;
  }
  void Bind(Label label) { labels_[label] = code_.size(); }

  void Set(uint8_t to, int32_t value) { Emit(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void SetWord(uint8_t to, uint64_t value) {
    Emit(BPF_LD | BPF_DW | BPF_IMM, to, 0, 0, static_cast<int32_t>(value));
    Emit(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
  }
  void Copy(uint8_t to, uint8_t from) { Emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  // BPF_ADD, BPF_AND, ...
  void Compute(uint8_t what, uint8_t to, int32_t value) {
    Emit(BPF_ALU64 | what | BPF_K, to, 0, 0, value);
  }
  void ComputeWith(uint8_t what, uint8_t to, uint8_t from) {
    Emit(BPF_ALU64 | what | BPF_X, to, from, 0, 0);
  }
  void FromNetworkOrder(uint8_t what, int32_t bits) {
    Emit(BPF_ALU | BPF_END | BPF_TO_BE, what, 0, 0, bits);
  }
  void FramePlace(uint8_t to, int32_t place) {
    Copy(to, kFrame);
    Compute(BPF_ADD, to, place);
  }
  // BPF_B, BPF_H, BPF_W, BPF_DW
  void Load(uint8_t size, uint8_t to, uint8_t base, int16_t offset) {
    Emit(BPF_LDX | BPF_MEM | size, to, base, offset, 0);
  }
  void Store(uint8_t size, uint8_t base, int16_t offset, uint8_t from) {
    Emit(BPF_STX | BPF_MEM | size, base, from, offset, 0);
  }
  void StoreValue(uint8_t size, int16_t place, int32_t value) {
    Emit(BPF_ST | BPF_MEM | size, kFrame, 0, place, value);
  }
  void Jump(Label label) { Branch(BPF_JA, 0, 0, label); }
  // BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JLE (unsigned)
  void Branch(uint8_t when, uint8_t what, int32_t value, Label label) {
    jumps_.push_back({code_.size(), label});
    Emit(BPF_JMP | when | BPF_K, what, 0, 0, value);
  }
  void Call(int32_t helper) { Emit(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
  void AddOneAt(uint8_t base) {
    Set(BPF_REG_1, 1);
    Emit(BPF_STX | BPF_ATOMIC | BPF_DW, base, BPF_REG_1, 0, BPF_ADD);
  }
  void Return(int32_t value) {
    Emit(BPF_ALU | BPF_MOV | BPF_K, kResult, 0, 0, value);
    Emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  void LoadMap(uint8_t to, int fd) {
    Emit(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, fd);
    Emit(0, 0, 0, 0, 0);
  }

  std::vector<bpf_insn> Finish() {
    for (const auto& [at, label] : jumps_) {
      code_[at].off = static_cast<int16_t>(labels_[label] - at - 1);
    }
    return std::move(code_);
  }

 private:
  void Emit(unsigned code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    bpf_insn one{};
    one.code = static_cast<uint8_t>(code);
    one.dst_reg = to & 0xfu;
    one.src_reg = from & 0xfu;
    one.off = offset;
    one.imm = value;
    code_.push_back(one);
  }
  std::vector<bpf_insn> code_;
  std::vector<size_t> labels_;
  std::vector<std::pair<size_t, Label>> jumps_;
};

class Program {
 public:
  explicit Program(const KernelFilterMaps& maps) : maps_(maps) {}

  std::vector<bpf_insn> Write() {
    const KernelFilterMaps& m = maps_;
    // Nobody would jump to found_ below, and the verifier wants no code that is never reached.
    if (std::max({m.v4, m.v6, m.v4_ranges, m.v6_ranges, m.names}) < 0) {
      asm_.Return(-1);
      return asm_.Finish();
    }
    const auto v6 = asm_.NewLabel();
    const auto names = asm_.NewLabel();
    asm_.Copy(kContext, BPF_REG_1);
    asm_.Load(BPF_W, kResult, kContext, offsetof(__sk_buff, protocol));
    asm_.Branch(BPF_JEQ, kResult, htons(ETH_P_IPV6), v6);
    asm_.Branch(BPF_JNE, kResult, htons(ETH_P_IP), names);
    LookAtV4Source();
    asm_.Jump(names);
    asm_.Bind(v6);
    LookAtV6Source();
    asm_.Bind(names);
    if (maps_.names >= 0) LookAtName();
    asm_.Bind(pass_);
    asm_.Return(-1);  // all octets of the datagram
    asm_.Bind(found_);
    asm_.AddOneAt(kResult);
    asm_.Load(BPF_W, BPF_REG_1, kResult, offsetof(KernelEntry, verdict));
    asm_.Branch(BPF_JNE, BPF_REG_1, static_cast<int32_t>(KernelVerdict::kDrop), pass_);
    asm_.Return(0);
    return asm_.Finish();
  }

 private:
  void LookUp(int map, int16_t key) {
    if (map < 0) return;
    asm_.LoadMap(BPF_REG_1, map);
    asm_.FramePlace(BPF_REG_2, key);
    asm_.Call(BPF_FUNC_map_lookup_elem);
    asm_.Branch(BPF_JNE, kResult, 0, found_);
  }

  // From the network header on, wherever the socket's data begin.
  void ReadHeader(int at, int16_t to, int32_t size) {
    asm_.Copy(BPF_REG_1, kContext);
    asm_.Set(BPF_REG_2, at);
    asm_.FramePlace(BPF_REG_3, to);
    asm_.Set(BPF_REG_4, size);
    asm_.Set(BPF_REG_5, BPF_HDR_START_NET);
    asm_.Call(BPF_FUNC_skb_load_bytes_relative);
    asm_.Branch(BPF_JNE, kResult, 0, pass_);
  }

  // From the UDP header on. The size must be in r4.
  void ReadAt(uint8_t at, int16_t to) {
    asm_.Copy(BPF_REG_1, kContext);
    asm_.Copy(BPF_REG_2, at);
    asm_.FramePlace(BPF_REG_3, to);
    asm_.Call(BPF_FUNC_skb_load_bytes);
    asm_.Branch(BPF_JNE, kResult, 0, pass_);
  }

  void LookAtV4Source() {
    ReadHeader(kV4SourceAt, kV4Range + 4, 4);
    asm_.StoreValue(BPF_W, kV4Range, 32);
    asm_.Load(BPF_W, BPF_REG_1, kFrame, kV4Range + 4);
    asm_.FromNetworkOrder(BPF_REG_1, 32);
    asm_.Store(BPF_W, kFrame, kV4Key, BPF_REG_1);
    LookUp(maps_.v4, kV4Key);
    LookUp(maps_.v4_ranges, kV4Range);
  }

  void LookAtV6Source() {
    ReadHeader(kV6SourceAt, kV6Range + 4, 16);
    asm_.StoreValue(BPF_W, kV6Range, 128);
    LookUp(maps_.v6, kV6Range + 4);
    LookUp(maps_.v6_ranges, kV6Range);
  }

  void LookAtName() {
    for (int i = 0; i < kNameKeyWords; ++i) {
      asm_.StoreValue(BPF_DW, static_cast<int16_t>(kNameKey + 8 * i), 0);
    }
    FindEndOfName();
    ReadName();
    FoldName();
    LookUp(maps_.names, kNameKey);
    asm_.Set(BPF_REG_1, kKernelAnyType);
    asm_.Store(BPF_H, kFrame, kTypeKey, BPF_REG_1);
    LookUp(maps_.names, kNameKey);
  }

  // Leaves kAt on the root's zero. Every label takes it two octets on, so the verifier sees the
  // loop's end. Pointers and reserved types are more than 63 (RFC 1035, 4.1.4).
  void FindEndOfName() {
    const auto next = asm_.NewLabel();
    const auto end = asm_.NewLabel();
    asm_.Set(kAt, kNameAt);
    asm_.Bind(next);
    asm_.Set(BPF_REG_4, 1);
    ReadAt(kAt, kScratch);
    asm_.Load(BPF_B, kLength, kFrame, kScratch);
    asm_.Branch(BPF_JEQ, kLength, 0, end);
    asm_.Branch(BPF_JGT, kLength, static_cast<int32_t>(dns::kMaxLabelLength), pass_);
    asm_.ComputeWith(BPF_ADD, kAt, kLength);
    asm_.Compute(BPF_ADD, kAt, 1);
    asm_.Branch(BPF_JGT, kAt, kNameAt + kLongestName - 1, pass_);
    asm_.Jump(next);
    asm_.Bind(end);
  }

  // The name and its type into the key.
  void ReadName() {
    asm_.Copy(kLength, kAt);
    asm_.Compute(BPF_SUB, kLength, kNameAt - 1);
    asm_.Set(BPF_REG_5, kNameAt);
    asm_.Copy(BPF_REG_4, kLength);
    ReadAt(BPF_REG_5, kNameKey);
    asm_.Compute(BPF_ADD, kAt, 1);
    asm_.Set(BPF_REG_4, 2);
    ReadAt(kAt, kTypeKey);
    asm_.Load(BPF_H, BPF_REG_1, kFrame, kTypeKey);
    asm_.FromNetworkOrder(BPF_REG_1, 16);
    asm_.Store(BPF_H, kFrame, kTypeKey, BPF_REG_1);
  }

  // Eight octets at a time. Lengths of labels are below 'A' and stay what they are. Written out
  // word for word: without CAP_PERFMON the verifier wants places in the frame to be constant.
  void FoldName() {
    const auto end = asm_.NewLabel();
    asm_.SetWord(kLowBits, 0x7f7f7f7f7f7f7f7f);
    asm_.SetWord(kOverZ, 0x0101010101010101 * (0x7f - 'Z'));
    asm_.SetWord(kFromA, 0x0101010101010101 * (0x80 - 'A'));
    asm_.SetWord(kHighBits, 0x8080808080808080);
    for (int done = 0; done < kLongestName; done += 8) {
      if (done > 0) asm_.Branch(BPF_JLE, kLength, done, end);
      FoldWord(static_cast<int16_t>(kNameKey + done));
    }
    asm_.Bind(end);
  }

  // The high bit of an octet in `low`, in the end: whether it is an upper-case letter.
  void FoldWord(int16_t place) {
    constexpr uint8_t word = BPF_REG_1, low = BPF_REG_2, other = BPF_REG_3;
    asm_.Load(BPF_DW, word, kFrame, place);
    asm_.Copy(low, word);
    asm_.ComputeWith(BPF_AND, low, kLowBits);
    asm_.Copy(other, low);
    asm_.ComputeWith(BPF_ADD, other, kOverZ);
    asm_.ComputeWith(BPF_ADD, low, kFromA);
    asm_.ComputeWith(BPF_XOR, low, other);
    asm_.Copy(other, word);
    asm_.Compute(BPF_XOR, other, -1);  // octets over 127 are no letters
    asm_.ComputeWith(BPF_AND, low, other);
    asm_.ComputeWith(BPF_AND, low, kHighBits);
    asm_.Compute(BPF_RSH, low, 2);  // 0x80 to 0x20
    asm_.ComputeWith(BPF_OR, word, low);
    asm_.Store(BPF_DW, kFrame, place, word);
  }

  const KernelFilterMaps& maps_;
  Assembler asm_;
  const Assembler::Label pass_ = asm_.NewLabel();
  const Assembler::Label found_ = asm_.NewLabel();
};

}  // namespace

std::vector<bpf_insn> KernelFilterProgram(const KernelFilterMaps& maps) {
  return Program(maps).Write();
}

}  // namespace breakwater
