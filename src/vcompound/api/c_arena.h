// What the C interface and the original names share: the arena behind a vc_arena, and the error of
// a thread.
#pragma once

#include <exception>

#include "vcompound/arena.h"
#include "vcompound/vcompound.h"

/// What stands behind the C pointer.
struct vc_arena {
  vc::Arena arena;
};

namespace vc::c {

/// Makes `error` what vc_last_error() of this thread tells.
void set_error(const Error& error);
/// The same with a sentence of our own.
void set_error(Reason reason, const char* sentence);
void set_error(Misuse misuse);

/// Calls f(); an exception (only std::bad_alloc is possible) becomes `failed` and the thread's
/// error.
template <class F, class T>
T guarded(T failed, F&& f) {
  try {
    return f();
  } catch (const std::exception& error) {
    set_error(Reason::backing, error.what());
    return failed;
  }
}

/// Makes an arena for C, or nullptr with the thread's error set.
vc_arena* create(const ArenaOptions& options);

}  // namespace vc::c
