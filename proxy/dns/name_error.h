// What dns::Name::Parse says, for those who name the text themselves.
#pragma once

#include <string_view>

namespace breakwater::dns {

// Of '"a..b" is not a domain name: it has an empty label' what stands behind the colon.
inline std::string_view WhyNoName(std::string_view error) {
  constexpr std::string_view kBefore = "is not a domain name: ";
  const size_t at = error.rfind(kBefore);
  return at == std::string_view::npos ? error : error.substr(at + kBefore.size());
}

}  // namespace breakwater::dns
