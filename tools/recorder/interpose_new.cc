// operator new and delete in all their forms.
//
// Those of libstdc++ call malloc, which records; those of jemalloc, tcmalloc and mimalloc do not,
// so they are recorded here. NestedCall tells which it was. The next operator new may throw through
// these functions: they hold nothing while it runs.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tools/recorder/interpose.h"

namespace vc::recorder {
namespace {

/// One replaced operator and the one behind it.
template <class Function>
class NextOperator {
 public:
  constexpr explicit NextOperator(const char* symbol) : symbol_(symbol) {}
  /// Null if no C++ library is loaded.
  Function get() {
    Function function = function_.load(std::memory_order_acquire);
    if (function != nullptr) return function;
    function = reinterpret_cast<Function>(find_next(symbol_));
    function_.store(function, std::memory_order_release);
    return function;
  }

 private:
  const char* symbol_;
  std::atomic<Function> function_{nullptr};
};

[[noreturn]] void die_without_memory() {
  constexpr char kText[] =
      "vcompound recorder: operator new got no memory and found no C++ library to say so\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::abort();
}

/// Only for a program without a shared C++ library: nothing can be thrown then.
void* new_without_library(std::size_t bytes, std::size_t alignment) {
  void* const pointer =
      alignment == 0 ? ::malloc(bytes)
                     : ::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
  if (pointer == nullptr) die_without_memory();
  return pointer;
}

template <class Function, class... Rest>
inline void* call_new(NextOperator<Function>& next, std::size_t alignment, std::size_t bytes,
                      Rest... rest) {
  const Function function = next.get();
  if (function == nullptr) return new_without_library(bytes, alignment);
  if (is_small(bytes)) return function(bytes, rest...);
  const NestedCall nested;
  void* const pointer = function(bytes, rest...);
  if (pointer != nullptr) note_result(pointer, bytes, nested);
  return pointer;
}

template <class Function, class... Rest>
inline void call_delete(NextOperator<Function>& next, void* pointer, Rest... rest) {
  const Function function = next.get();
  if (function == nullptr) return ::free(pointer);
  note_and_free(pointer, [=] { function(pointer, rest...); });
}

using Nothrow = const std::nothrow_t*;  // a reference, as the binary interface has it
using New = void* (*)(std::size_t);
using NewNothrow = void* (*)(std::size_t, Nothrow);
using NewAligned = void* (*)(std::size_t, std::align_val_t);
using NewAlignedNothrow = void* (*)(std::size_t, std::align_val_t, Nothrow);
using Delete = void (*)(void*);
using DeleteSized = void (*)(void*, std::size_t);
using DeleteAligned = void (*)(void*, std::align_val_t);
using DeleteSizedAligned = void (*)(void*, std::size_t, std::align_val_t);

constinit NextOperator<New> g_new{"_Znwm"};
constinit NextOperator<New> g_new_array{"_Znam"};
constinit NextOperator<NewNothrow> g_new_nothrow{"_ZnwmRKSt9nothrow_t"};
constinit NextOperator<NewNothrow> g_new_array_nothrow{"_ZnamRKSt9nothrow_t"};
constinit NextOperator<NewAligned> g_new_aligned{"_ZnwmSt11align_val_t"};
constinit NextOperator<NewAligned> g_new_array_aligned{"_ZnamSt11align_val_t"};
constinit NextOperator<NewAlignedNothrow> g_new_aligned_nothrow{
    "_ZnwmSt11align_val_tRKSt9nothrow_t"};
constinit NextOperator<NewAlignedNothrow> g_new_array_aligned_nothrow{
    "_ZnamSt11align_val_tRKSt9nothrow_t"};
constinit NextOperator<Delete> g_delete{"_ZdlPv"};
constinit NextOperator<Delete> g_delete_array{"_ZdaPv"};
constinit NextOperator<DeleteSized> g_delete_sized{"_ZdlPvm"};
constinit NextOperator<DeleteSized> g_delete_array_sized{"_ZdaPvm"};
constinit NextOperator<DeleteAligned> g_delete_aligned{"_ZdlPvSt11align_val_t"};
constinit NextOperator<DeleteAligned> g_delete_array_aligned{"_ZdaPvSt11align_val_t"};
constinit NextOperator<DeleteSizedAligned> g_delete_sized_aligned{"_ZdlPvmSt11align_val_t"};
constinit NextOperator<DeleteSizedAligned> g_delete_array_sized_aligned{"_ZdaPvmSt11align_val_t"};

}  // namespace
}  // namespace vc::recorder

namespace rec = vc::recorder;
using std::align_val_t;
using std::nothrow_t;
using std::size_t;

#define VC_REPLACES_OPERATOR __attribute__((visibility("default")))

VC_REPLACES_OPERATOR void* operator new(size_t n) { return rec::call_new(rec::g_new, 0, n); }
VC_REPLACES_OPERATOR void* operator new[](size_t n) {
  return rec::call_new(rec::g_new_array, 0, n);
}
VC_REPLACES_OPERATOR void* operator new(size_t n, const nothrow_t& tag) noexcept {
  return rec::call_new(rec::g_new_nothrow, 0, n, &tag);
}
VC_REPLACES_OPERATOR void* operator new[](size_t n, const nothrow_t& tag) noexcept {
  return rec::call_new(rec::g_new_array_nothrow, 0, n, &tag);
}
VC_REPLACES_OPERATOR void* operator new(size_t n, align_val_t a) {
  return rec::call_new(rec::g_new_aligned, static_cast<size_t>(a), n, a);
}
VC_REPLACES_OPERATOR void* operator new[](size_t n, align_val_t a) {
  return rec::call_new(rec::g_new_array_aligned, static_cast<size_t>(a), n, a);
}
VC_REPLACES_OPERATOR void* operator new(size_t n, align_val_t a, const nothrow_t& tag) noexcept {
  return rec::call_new(rec::g_new_aligned_nothrow, static_cast<size_t>(a), n, a, &tag);
}
VC_REPLACES_OPERATOR void* operator new[](size_t n, align_val_t a, const nothrow_t& tag) noexcept {
  return rec::call_new(rec::g_new_array_aligned_nothrow, static_cast<size_t>(a), n, a, &tag);
}

VC_REPLACES_OPERATOR void operator delete(void* p) noexcept { rec::call_delete(rec::g_delete, p); }
VC_REPLACES_OPERATOR void operator delete[](void* p) noexcept {
  rec::call_delete(rec::g_delete_array, p);
}
VC_REPLACES_OPERATOR void operator delete(void* p, const nothrow_t&) noexcept {
  rec::call_delete(rec::g_delete, p);
}
VC_REPLACES_OPERATOR void operator delete[](void* p, const nothrow_t&) noexcept {
  rec::call_delete(rec::g_delete_array, p);
}
VC_REPLACES_OPERATOR void operator delete(void* p, size_t n) noexcept {
  rec::call_delete(rec::g_delete_sized, p, n);
}
VC_REPLACES_OPERATOR void operator delete[](void* p, size_t n) noexcept {
  rec::call_delete(rec::g_delete_array_sized, p, n);
}
VC_REPLACES_OPERATOR void operator delete(void* p, align_val_t a) noexcept {
  rec::call_delete(rec::g_delete_aligned, p, a);
}
VC_REPLACES_OPERATOR void operator delete[](void* p, align_val_t a) noexcept {
  rec::call_delete(rec::g_delete_array_aligned, p, a);
}
VC_REPLACES_OPERATOR void operator delete(void* p, align_val_t a, const nothrow_t&) noexcept {
  rec::call_delete(rec::g_delete_aligned, p, a);
}
VC_REPLACES_OPERATOR void operator delete[](void* p, align_val_t a, const nothrow_t&) noexcept {
  rec::call_delete(rec::g_delete_array_aligned, p, a);
}
VC_REPLACES_OPERATOR void operator delete(void* p, size_t n, align_val_t a) noexcept {
  rec::call_delete(rec::g_delete_sized_aligned, p, n, a);
}
VC_REPLACES_OPERATOR void operator delete[](void* p, size_t n, align_val_t a) noexcept {
  rec::call_delete(rec::g_delete_array_sized_aligned, p, n, a);
}
