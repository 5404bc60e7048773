// A fake home that remembers the tables it gave out, so that a test can damage or watch them.
#pragma once

#include <cstddef>
#include <vector>

#include "vcompound/compound/slot.h"
#include "vcompound/platform/fake/fake_platform.h"

namespace vc {

/// See the head of this file.
class SpyPlatform : public FakePlatform {
 public:
  using FakePlatform::FakePlatform;
  void* metadata(Bytes size) {
    tables.push_back(FakePlatform::metadata(size));
    return tables.back();
  }
  /// The slots of an allocator that was opened over this home.
  Slot* slots() {
    auto* const table = static_cast<std::byte*>(tables[5]);
    return static_cast<Slot*>(static_cast<void*>(table + Slot::kOffsetInPage));
  }

  std::vector<void*> tables;  ///< in the order of CompoundAllocator::open_tables()
};

}  // namespace vc
