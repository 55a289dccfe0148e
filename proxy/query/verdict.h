// What a step of the query path says about how to go on.
#pragma once

#include <cstdint>

namespace breakwater {

enum class Verdict : uint8_t {
  kContinue,  // the next step
  kAnswer,    // the query's buffer holds a self-made answer
  kHit,       // the query's buffer holds an answer from the cache
  kDrop,      // no answer to the client, for a rule says so
  kInvalid,   // no answer: this is no query
  kNoServer,  // no answer: there is nobody to ask
  kWait,      // a rule suspended it: it is parked until a script has it go on
};

}  // namespace breakwater
