// The tables of numbers that a configuration uses by name, DNSQType.A say. The page of constants in
// lua/reference is made of them.
#pragma once

#include <span>

namespace breakwater::lua {

struct Constant {
  const char* name;
  int value;
};
struct ConstantTable {
  const char* name;
  const char* help;
  std::span<const Constant> rows;
};
std::span<const ConstantTable> ConstantTables();

}  // namespace breakwater::lua
