// Why a part of the network could not be brought up.
#pragma once

#include "kernel/memory/memory.h"

namespace vc::kernel::net {

/// What failed, and for want of what; nothing failed if `what` is nullptr.
struct [[nodiscard]] NetError {
  const char* what = nullptr;    ///< "receive buffers", "link", ...
  Reason reason = Reason::none;  ///< of the refused allocation, if it was one
  Bytes requested{};             ///< likewise

  bool failed() const { return what != nullptr; }
};

/// A compound that one owner takes and gives back.
class Memory {
 public:
  constexpr Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// Allocates for the caller's line; `what` names it in an error.
  NetError take(const char* what, const Request& request, Report report,
                CallSite site = CallSite::here()) {
    auto result = allocate(request, site, report);
    if (!result) return {what, result.error().reason, request.size};
    memory_ = *result;
    return {};
  }
  /// Frees it, if there is any.
  void give_back() {
    if (memory_.pages.value == 0) return;
    free(memory_.address);
    memory_ = {};
  }
  const Allocation& allocation() const { return memory_; }
  template <class T>
  T* as() const {
    return pointer<T>(memory_.address);
  }
  /// Its physical address; for contiguous memory only.
  PhysAddr start() const { return physical(memory_.address); }

 private:
  Allocation memory_{};
};

}  // namespace vc::kernel::net
