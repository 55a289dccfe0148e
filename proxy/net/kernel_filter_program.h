// The program of a kernel filter, as instructions (BPF_PROG_TYPE_SOCKET_FILTER): it looks a
// datagram's source address up, then the ranges, then the question's name with its type and with
// any type. The first entry found is counted and decides; without one the datagram passes, and so
// does what cannot be read. Written here, so that no compiler for BPF is needed.
#pragma once

#include <linux/bpf.h>

#include <vector>

namespace breakwater {

// Descriptors of maps laid out as kernel_filter_keys.h says; -1: there is no such map.
struct KernelFilterMaps {
  int v4 = -1;
  int v6 = -1;
  int v4_ranges = -1;
  int v6_ranges = -1;
  int names = -1;  // left out for stream sockets: segments are no messages
};

std::vector<bpf_insn> KernelFilterProgram(const KernelFilterMaps& maps);

}  // namespace breakwater
