// Peer: tcmalloc of gperftools, with its defaults.
#include <cstdlib>

#include "bench/compare/peer.h"
#include "bench/compare/peers/library.h"

namespace vc::compare {

namespace {

/// What MallocExtension_GetOwnership() says of an address that tcmalloc handed out.
constexpr int kOwned = 1;

Opened open_tcmalloc(const Setting& setting) {
  if (setting.budget != 0) return "tcmalloc has no fixed budget";
  Library library("libtcmalloc_minimal.so.4");
  Peer peer{.name = "tcmalloc"};
  peer.allocate = library.symbol<void*(std::size_t)>("tc_malloc");
  peer.free = library.symbol<void(void*)>("tc_free");
  const auto version = library.symbol<const char*(int*, int*, const char**)>("tc_version");
  const auto ownership = library.symbol<int(const void*)>("MallocExtension_GetOwnership");
  if (!library.reason().empty()) return library.reason();
  void* theirs = peer.allocate(kProbe);
  void* other = std::malloc(kProbe);
  const bool right = ownership(theirs) == kOwned && ownership(other) != kOwned;
  peer.free(theirs);
  std::free(other);
  if (!right) return "tc_malloc was not served by tcmalloc";
  int major = 0;
  int minor = 0;
  const char* patch = "";
  version(&major, &minor, &patch);
  peer.version = "gperftools " + std::to_string(major) + "." + std::to_string(minor) + patch;
  if (setting.huge_pages) peer.remark = "no switch for transparent huge pages: its pages are plain";
  return peer;
}

const PeerRegistration registration{"tcmalloc", {.open = open_tcmalloc}};

}  // namespace

}  // namespace vc::compare
