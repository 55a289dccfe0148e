// Whether an LMDB file can be read without leaving it. The library takes what the file says of
// offsets and sizes for granted and would crash on a damaged one, so all pages that look-ups in one
// of its databases can come to are walked before it gets the file. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/base/result.h"

namespace breakwater {

struct LmdbChecked {
  uint64_t transaction = 0;  // the last one in the file
  uint64_t entries = 0;      // of the database
};
// `name` empty: the main database, which has no name. The error says what is wrong. A file that is
// being written to may seem damaged: then its last transaction has changed meanwhile.
TextResult<LmdbChecked> CheckLmdb(std::span<const uint8_t> file, std::string_view name);

// The last transaction in the file; 0 where it is no LMDB file.
uint64_t LastLmdbTransaction(std::span<const uint8_t> file);

}  // namespace breakwater
