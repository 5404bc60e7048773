// How a program tests that it copes with mapped memory, long before fragmentation makes it meet
// some.
//
// checksum_by_extents() below is right: it asks where each part of a buffer lies.
// checksum_by_file() has a bug that stays hidden as long as memory is contiguous: it counts on one
// physical address for the whole buffer. Forced fallback brings it out on the first run. The same
// without a change to the program:
//
//     VCOMPOUND_CONF=always_map:yes ./program
//     VCOMPOUND_CONF=always_map:5% ./program
//     VCOMPOUND_CONF=always_map_site:buffers.cc:120 ./program
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "vcompound/arena.h"

namespace {

constexpr std::size_t kSize = 1 << 20;

std::uint64_t checksum(const unsigned char* bytes, std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum = sum * 31 + bytes[i];
  return sum;
}

/// Right for both kinds: every extent of the buffer is read where it lies.
std::uint64_t checksum_by_extents(const vc::Arena& arena, const void* buffer) {
  std::vector<unsigned char> copy;
  for (const vc::Extent& e : arena.extents(buffer)) {
    const std::size_t at = copy.size();
    copy.resize(at + e.size);
    if (pread(arena.file_descriptor(), &copy[at], e.size, static_cast<off_t>(e.offset)) < 0)
      return 0;
  }
  return checksum(copy.data(), copy.size());
}

/// Wrong for mapped memory, which has no one physical address.
std::uint64_t checksum_by_file(const vc::Arena& arena, const void* buffer) {
  std::vector<unsigned char> copy(kSize);
  const auto physical = arena.physical(buffer);
  const auto offset = static_cast<off_t>(physical ? physical->value : 0);
  if (pread(arena.file_descriptor(), copy.data(), kSize, offset) < 0) return 0;
  return checksum(copy.data(), kSize);
}

/// Does the method see what was written?
bool is_right(vc::Arena& arena, std::uint64_t (*method)(const vc::Arena&, const void*)) {
  const auto other = arena.allocate(vc::Bytes(kSize));  // so that the buffer is not at offset 0
  auto buffer = arena.allocate(vc::Bytes(kSize));
  if (!other || !buffer) return false;
  auto* bytes = static_cast<unsigned char*>(buffer->data());
  for (std::size_t i = 0; i < kSize; ++i) bytes[i] = static_cast<unsigned char>(i * i >> 7);
  return method(arena, bytes) == checksum(bytes, kSize);
}

}  // namespace

int main() {
  auto arena = vc::Arena::create({.budget = vc::mib(64), .warn_above = vc::kNeverWarn});
  if (!arena) {
    std::puts(vc::to_string(arena.error()).c_str());
    return 1;
  }
  arena->set_always_map(vc::Trigger::off());
  const bool hidden = is_right(*arena, checksum_by_file);
  arena->set_always_map(vc::Trigger::always());
  const bool found = !is_right(*arena, checksum_by_file);
  const bool extents_right = is_right(*arena, checksum_by_extents);
  std::printf("contiguous memory: the bug is %s\n", hidden ? "hidden" : "visible");
  std::printf("forced fallback:   the bug is %s\n", found ? "found" : "still hidden");
  std::printf("the right method works on mapped memory: %s\n", extents_right ? "yes" : "no");
  return hidden && found && extents_right ? 0 : 1;
}
