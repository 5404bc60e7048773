// Peer: glibc's malloc, the one of this process, in five settings:
//
//   glibc           as every program has it
//   glibc_kept      nothing goes back to the system (no mmap per block, no trimming), as a program
//                   sets it that knows it will need the memory again
//   glibc_thp       with glibc.malloc.hugetlb=1: malloc asks for transparent huge pages
//   glibc_thp_kept  both
//   glibc_aligned   as glibc_thp_kept, but aligned_alloc of whole pages: the blocks of malloc(size)
//                   start 16 bytes further from one to the next, which spreads equal places of
//                   theirs over the sets of the caches; this shows what that gains
#include <gnu/libc-version.h>
#include <malloc.h>

#include <climits>
#include <cstdlib>

#include "bench/compare/measure.h"
#include "bench/compare/peer.h"
#include "bench/compare/peers/library.h"

namespace vc::compare {

namespace {

constexpr std::size_t kPage = 4096;

std::size_t handed_out() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// malloc of this process is glibc's, and glibc counts what malloc hands out.
bool is_glibc() {
  if (!comes_from(reinterpret_cast<const void*>(&std::malloc), "libc.so.6")) return false;
  const std::size_t before = handed_out();
  void* probe = std::malloc(kProbe);
  use(probe);
  const bool counted = handed_out() >= before + kProbe;
  std::free(probe);
  return counted;
}

bool has_tunable(const char* setting) {
  const char* all = std::getenv("GLIBC_TUNABLES");
  return all != nullptr && std::strstr(all, setting) != nullptr;
}

Opened open_as(const char* name, const Setting& setting) {
  if (setting.budget != 0) return "glibc's malloc has no fixed budget";
  if (setting.huge_pages && !has_tunable("glibc.malloc.hugetlb=1")) {
    return "huge pages need the tunable glibc.malloc.hugetlb=1 when the process starts: "
           "see glibc_thp";
  }
  if (!is_glibc()) return "malloc of this process is not glibc's (is something preloaded?)";
  Peer peer{.name = name, .version = gnu_get_libc_version()};
  peer.allocate = &std::malloc;
  peer.free = &std::free;
  return peer;
}

/// Memory that was freed stays with malloc.
bool keep_memory() {
  return mallopt(M_MMAP_MAX, 0) == 1 && mallopt(M_TRIM_THRESHOLD, INT_MAX) == 1;
}

enum class Keep : bool { no, yes };

Opened open_variant(const char* name, const Setting& setting, Keep keep) {
  Opened opened = open_as(name, setting);
  Peer* peer = std::get_if<Peer>(&opened);
  if (peer == nullptr) return opened;
  if (setting.huge_pages) peer->remark = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
  if (keep == Keep::no) return opened;
  if (!keep_memory()) return "mallopt refused M_MMAP_MAX or M_TRIM_THRESHOLD";
  peer->remark += " mallopt(M_MMAP_MAX, 0) mallopt(M_TRIM_THRESHOLD, INT_MAX)";
  return opened;
}

Opened open_aligned(const Setting& setting) {
  Opened opened = open_variant("glibc_aligned", {setting.budget, true}, Keep::yes);
  Peer* peer = std::get_if<Peer>(&opened);
  if (peer == nullptr) return opened;
  peer->allocate = [](std::size_t size) {
    return std::aligned_alloc(kPage, size);
  };
  peer->remark += " aligned_alloc(4096, size)";
  return opened;
}

const PeerRegistration plain{"glibc", {.open = [](const Setting& setting) {
                               return open_variant("glibc", setting, Keep::no);
                             }}};
const PeerRegistration kept{"glibc_kept", {.open = [](const Setting& setting) {
                              return open_variant("glibc_kept", setting, Keep::yes);
                            }}};
const PeerRegistration thp{"glibc_thp", {.open = [](const Setting& setting) {
                             return open_variant("glibc_thp", {setting.budget, true}, Keep::no);
                           }}};
const PeerRegistration thp_kept{
    "glibc_thp_kept", {.open = [](const Setting& setting) {
      return open_variant("glibc_thp_kept", {setting.budget, true}, Keep::yes);
    }}};
const PeerRegistration aligned{"glibc_aligned", {.open = open_aligned}};

}  // namespace

}  // namespace vc::compare
