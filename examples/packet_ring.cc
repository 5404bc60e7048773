// A network driver's memory: a descriptor ring that a device reads by physical address, and packet
// buffers that it reads through a list of segments.
//
// The ring needs contiguity (`required`): the device knows one base address. The buffers do not:
// each is handed over as segments, so they may be mapped when memory is fragmented. "Physical
// address" is the offset in the arena's file here; a device (or a program at the other end of a
// socket) that got the file once can reach everything by offsets. The device of this example does
// so with pread().
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "vcompound/arena.h"

namespace {

constexpr std::size_t kBufferSize = 256 << 10;

/// What the device finds in the ring: one segment of a packet.
struct Descriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint32_t last;  ///< 1: the packet ends here
};

/// The device: knows the file, the ring's base and nothing else.
class Device {
 public:
  Device(int file, std::uint64_t ring) : file_(file), ring_(ring) {}

  /// Reads one packet through the ring; the sum of its bytes.
  std::uint64_t receive() {
    std::uint64_t sum = 0;
    Descriptor descriptor{};
    do {
      read(ring_ + next_++ * sizeof descriptor, &descriptor, sizeof descriptor);
      std::vector<unsigned char> part(descriptor.length);
      read(descriptor.address, part.data(), part.size());
      for (const unsigned char byte : part) sum += byte;
    } while (descriptor.last == 0);
    return sum;
  }

 private:
  void read(std::uint64_t address, void* to, std::size_t size) const {
    if (pread(file_, to, size, static_cast<off_t>(address)) != static_cast<ssize_t>(size)) {
      std::memset(to, 0xff, size);
    }
  }

  int file_;
  std::uint64_t ring_;
  std::uint64_t next_ = 0;
};

/// Puts a buffer's segments into the ring; how many there were.
std::size_t post(const vc::Arena& arena, const void* buffer, Descriptor* ring, std::size_t at) {
  const std::vector<vc::Extent> extents = arena.extents(buffer);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    ring[at + i] = {.address = extents[i].offset,
                    .length = static_cast<std::uint32_t>(extents[i].size),
                    .last = i + 1 == extents.size() ? 1U : 0U};
  }
  return extents.size();
}

int fail(const vc::Error& error) {
  std::puts(vc::to_string(error).c_str());
  return 1;
}

}  // namespace

int main() {
  auto arena = vc::Arena::create({.budget = vc::mib(16), .warn_above = vc::kNeverWarn});
  if (!arena) return fail(arena.error());
  auto ring = arena->allocate(
      {.size = vc::kib(64), .contiguity = vc::Contiguity::required, .zero = vc::Zero::yes});
  if (!ring) return fail(ring.error());
  const auto base = arena->physical(ring->data());
  if (!base) return fail(base.error());
  Device device(arena->file_descriptor(), base->value);

  // A buffer as usual, and one as fragmentation makes it.
  std::size_t posted = 0;
  bool right = true;
  for (const auto contiguity : {vc::Contiguity::preferred, vc::Contiguity::never}) {
    auto buffer = arena->allocate({.size = vc::Bytes(kBufferSize), .contiguity = contiguity});
    if (!buffer) return fail(buffer.error());
    auto* bytes = static_cast<unsigned char*>(buffer->data());
    std::fill(bytes, bytes + kBufferSize, static_cast<unsigned char>(3 + posted));
    const std::uint64_t sent = kBufferSize * (3 + posted);
    const std::size_t segments =
        post(*arena, bytes, static_cast<Descriptor*>(ring->data()), posted);
    posted += segments;
    const bool same = device.receive() == sent;
    right = right && same;
    std::printf("%-10s buffer: %zu segment(s), %s\n", vc::name_of(buffer->kind()), segments,
                same ? "received whole" : "DAMAGED");
  }

  // A mapped buffer has no one physical address, and says so instead of giving half a truth.
  auto mapped =
      arena->allocate({.size = vc::Bytes(kBufferSize), .contiguity = vc::Contiguity::never});
  if (!mapped) return fail(mapped.error());
  const bool refused = !arena->physical(mapped->data());
  std::printf("physical address of a mapped buffer: %s\n", refused ? "refused" : "GIVEN");
  return right && refused ? 0 : 1;
}
