// An arena for benches, over frames and tables taken from the kernel's arena: its cache can be left
// out, and it can be fragmented while the rest of the kernel has memory as before.
#pragma once

#include "kernel/memory/memory.h"

namespace vc::kernel {

/// See the head of this file. One at a time.
class BenchArena {
 public:
  static constexpr PageCount kPages{32768};
  /// Linux purges when this many pages are pending, on one CPU; so do we here.
  static constexpr PageCount kPendingLimit{8192};

  BenchArena();
  ~BenchArena();
  BenchArena(const BenchArena&) = delete;
  BenchArena& operator=(const BenchArena&) = delete;

  X86Arena& operator*() { return *arena_; }
  X86Arena* operator->() { return arena_; }
  VirtRange window() const;

  /// Fills it with blocks of 32 KiB and frees 96.8 % of them at random; the others stay.
  void fragment();

 private:
  static void* metadata(void* self, Bytes size);

  static constexpr std::uint32_t kMostMetadata = 24;
  Allocation frames_{};
  VirtAddr metadata_[kMostMetadata] = {};
  std::uint32_t metadata_count_ = 0;
  X86Arena* arena_ = nullptr;
};

}  // namespace vc::kernel
