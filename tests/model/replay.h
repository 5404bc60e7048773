// Seeds: every random test runs from a number, prints it, and can be run from it again.
//
//      VC_TEST_SEED=17 VC_TEST_STEPS=100000 ./model_zone_model_test
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "vcompound/base/random.h"
#include "vcompound/base/units.h"

namespace vc::testing {

/// A number from the environment, or the fallback.
inline std::uint64_t number_from(const char* name, std::uint64_t fallback) {
  const char* const text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 0) : fallback;
}

/// How many steps a random test makes.
inline std::uint64_t steps(std::uint64_t fallback) {
  return number_from("VC_TEST_STEPS", fallback);
}

/// The seeds of a random test: the one of the environment, or 1 to `count`.
inline std::vector<std::uint64_t> seeds(std::uint64_t count) {
  const std::uint64_t chosen = number_from("VC_TEST_SEED", 0);
  if (chosen != 0) return {chosen};
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = 1; seed <= count; ++seed) all.push_back(seed);
  return all;
}

/// Runs `body(seed)` for each seed until one fails. The seed is printed before it starts, so that
/// it is known after a panic too.
template <class Body>
void for_each_seed(std::uint64_t count, const Body& body) {
  for (const std::uint64_t seed : seeds(count)) {
    std::fprintf(stderr, "[  seed    ] VC_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
    SCOPED_TRACE("VC_TEST_SEED=" + std::to_string(seed));
    body(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

/// A number in [1, most], small ones more often.
inline std::uint64_t skewed(Random& random, std::uint64_t most) {
  const std::uint64_t bits = random.below(floor_log2(most) + 1) + 1;
  const std::uint64_t v = random.below(std::uint64_t{1} << bits) + 1;
  return v < most ? v : most;
}

}  // namespace vc::testing
