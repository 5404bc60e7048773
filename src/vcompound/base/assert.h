// Assertions at three levels of cost, and the panic they end in.
//
//   VC_ASSERT        always compiled in: the cost is a compare, the alternative is corruption
//   VC_DEBUG_ASSERT  VC_ASSERT_LEVEL >= 1: preconditions on hot paths
//   VC_AUDIT         VC_ASSERT_LEVEL >= 2: whole-structure checks
#pragma once

#ifndef VC_ASSERT_LEVEL
#define VC_ASSERT_LEVEL 0
#endif

namespace vc {

/// Ends the program (or halts the machine) with a message. Each home defines it once.
[[noreturn]] void panic(const char* what, const char* file, int line) noexcept;

}  // namespace vc

#define VC_ASSERT(condition, what) \
  (__builtin_expect(!!(condition), 1) ? void(0) : ::vc::panic(what, __FILE__, __LINE__))

#if VC_ASSERT_LEVEL >= 1
#define VC_DEBUG_ASSERT(condition, what) VC_ASSERT(condition, what)
#else
#define VC_DEBUG_ASSERT(condition, what) void(0)
#endif

#if VC_ASSERT_LEVEL >= 2
#define VC_AUDIT(condition, what) VC_ASSERT(condition, what)
#else
#define VC_AUDIT(condition, what) void(0)
#endif
