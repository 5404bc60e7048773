// Reads smaps_rollup without a heap: the heap may be what is measured.
#include "bench/compare/rows/replay_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace vc::compare {

namespace {

constexpr std::uint64_t kStatBlock = 512;

/// The kB of a line "name:   123 kB", in bytes; 0 without such a line.
std::uint64_t bytes_of(const char* text, const char* name) {
  const char* line = std::strstr(text, name);
  return line == nullptr ? 0 : std::strtoull(line + std::strlen(name), nullptr, 10) * 1024;
}

std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
  return now > before ? now - before : 0;
}

/// Pages of the arena's file, mapped or not.
std::uint64_t file_bytes(const Peer& peer) {
  struct stat info {};
  if (peer.arena == nullptr || fstat(peer.arena->file_descriptor(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_blocks) * kStatBlock;
}

}  // namespace

HeldMemory held_memory() {
  char text[4096] = "";
  const int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::size_t length = 0;
  for (ssize_t got = 1; got > 0 && length < sizeof(text) - 1;) {
    got = read(fd, text + length, sizeof(text) - 1 - length);
    if (got > 0) length += static_cast<std::size_t>(got);
  }
  close(fd);
  return {.pss = bytes_of(text, "\nPss:"),
          .pss_shared = bytes_of(text, "\nPss_Shmem:"),
          .hugetlb = bytes_of(text, "\nShared_Hugetlb:") + bytes_of(text, "\nPrivate_Hugetlb:")};
}

std::uint64_t held_by(const Peer& peer, const HeldMemory& before) {
  const HeldMemory now = held_memory();
  const std::uint64_t mapped = growth(before.pss, now.pss) + growth(before.hugetlb, now.hugetlb);
  const std::uint64_t shown = growth(before.pss_shared, now.pss_shared);
  return mapped + growth(shown, file_bytes(peer));
}

}  // namespace vc::compare
