// Peer: mimalloc with its defaults, and mimalloc_thp with large pages allowed.
#include <cstdlib>

#include "bench/compare/peer.h"
#include "bench/compare/peers/library.h"

namespace vc::compare {

namespace {

/// The number of mi_option_large_os_pages ("allow" in newer versions), the same in all of
/// version 2.
constexpr int kLargePages = 6;

std::string version_text(int version) {
  return std::to_string(version / 100) + "." + std::to_string(version / 10 % 10) + "." +
         std::to_string(version % 10);
}

Opened open_as(const char* name, const Setting& setting) {
  if (setting.budget != 0) return "mimalloc as it comes has no fixed budget: see mimalloc_budget";
  if (setting.huge_pages) {  // read when the library is loaded; the name has changed
    setenv("MIMALLOC_LARGE_OS_PAGES", "1", 1);
    setenv("MIMALLOC_ALLOW_LARGE_OS_PAGES", "1", 1);
  }
  Library library("libmimalloc.so.2");
  Peer peer{.name = name};
  peer.allocate = library.symbol<void*(std::size_t)>("mi_malloc");
  peer.free = library.symbol<void(void*)>("mi_free");
  const auto version = library.symbol<int()>("mi_version");
  const auto owns = library.symbol<bool(const void*)>("mi_is_in_heap_region");
  const auto enabled = library.symbol<bool(int)>("mi_option_is_enabled");
  if (!library.reason().empty()) return library.reason();
  void* theirs = peer.allocate(kProbe);
  void* other = std::malloc(kProbe);
  const bool right = owns(theirs) && !owns(other);
  peer.free(theirs);
  std::free(other);
  if (!right) return "mi_malloc was not served by mimalloc";
  if (setting.huge_pages && !enabled(kLargePages)) return "mimalloc did not take the setting";
  peer.version = version_text(version());
  if (setting.huge_pages) peer.remark = "MIMALLOC_ALLOW_LARGE_OS_PAGES=1";
  return peer;
}

const PeerRegistration plain{"mimalloc", {.open = [](const Setting& setting) {
                               return open_as("mimalloc", setting);
                             }}};
const PeerRegistration thp{"mimalloc_thp", {.open = [](const Setting& setting) {
                             return open_as("mimalloc_thp", {setting.budget, true});
                           }}};

}  // namespace

}  // namespace vc::compare
