#pragma once

#include <cstdio>
#include <cstdlib>

namespace factory::fuzz {

/// Stops the fuzzer with the broken promise when it does not hold, also in builds without assertions.
inline void expect(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace factory::fuzz
