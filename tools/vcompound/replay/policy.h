// policy.h — the three ways in which a trace is replayed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vc::tool {

/// How allocations are asked for.
enum class Policy : std::uint8_t {
  kContiguousOnly,  ///< contiguity `required`: what an allocator without a fallback can do
  kPreferred,       ///< contiguity `preferred`: contiguous first, else mapped
  kAlwaysMap,       ///< `preferred` with forced fallback: the worst case of mapping
};
inline constexpr std::array<Policy, 3> kPolicies = {Policy::kContiguousOnly, Policy::kPreferred,
                                                    Policy::kAlwaysMap};

/// "contiguous_only", "preferred", "always_map".
constexpr std::string_view name_of(Policy policy) {
  switch (policy) {
    case Policy::kContiguousOnly: return "contiguous_only";
    case Policy::kPreferred: return "preferred";
    case Policy::kAlwaysMap: return "always_map";
  }
  return "";
}

/// The policy of that name; nothing if there is none.
constexpr std::optional<Policy> policy_of(std::string_view name) {
  for (const Policy policy : kPolicies) {
    if (name_of(policy) == name) return policy;
  }
  return std::nullopt;
}

}  // namespace vc::tool
