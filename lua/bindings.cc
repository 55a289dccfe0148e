#include "lua/bindings.h"

namespace breakwater::lua {

std::vector<FunctionPage> FunctionPages() {
  return {ConsoleFunctions(), NameFunctions(), AddressFunctions()};
}

std::vector<const ClassRow*> Classes() {
  return {&NameClass(),    &NameSetClass(), &SuffixMatchNodeClass(),
          &AddressClass(), &NetmaskClass(), &NetmaskGroupClass()};
}

}  // namespace breakwater::lua
