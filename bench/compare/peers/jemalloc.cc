// Peer: jemalloc with its defaults, and two settings of MALLOC_CONF:
//
//   jemalloc_thp   thp:always, so that its mappings may have huge pages
//   jemalloc_kept  memory is never given back (oversize_threshold:0, decay times -1), as a program
//                  sets it that knows it will need the memory again
#include <cstdint>
#include <cstdlib>

#include "bench/compare/peer.h"
#include "bench/compare/peers/library.h"

namespace vc::compare {

namespace {

constexpr const char* kThp = "thp:always";
constexpr const char* kKept = "oversize_threshold:0,dirty_decay_ms:-1,muzzy_decay_ms:-1";

using Mallctl = int(const char*, void*, std::size_t*, void*, std::size_t);

template <class Value>
Value ask(Mallctl* control, const char* name) {
  Value value{};
  std::size_t length = sizeof(value);
  if (control(name, &value, &length, nullptr, 0) != 0) return Value{};
  return value;
}

/// Its own count of this thread's bytes grows by what it served, and not by what glibc served.
bool serves(const Peer& peer, Mallctl* control) {
  const auto count = [control] {
    return ask<std::uint64_t>(control, "thread.allocated");
  };
  const std::uint64_t before = count();
  void* theirs = peer.allocate(kProbe);
  const std::uint64_t after = count();
  void* other = std::malloc(kProbe);
  const std::uint64_t later = count();
  peer.free(theirs);
  std::free(other);
  return after >= before + kProbe && later == after;
}

bool took(const std::string& settings, Mallctl* control) {
  if (settings == kKept) return ask<ssize_t>(control, "opt.dirty_decay_ms") == -1;
  if (settings != kThp) return true;
  const char* thp = ask<const char*>(control, "opt.thp");
  return thp != nullptr && std::strcmp(thp, "always") == 0;
}

Opened open_as(const char* name, const Setting& setting, const std::string& settings) {
  if (setting.budget != 0) return "jemalloc as it comes has no fixed budget: see jemalloc_budget";
  if (!settings.empty()) setenv("MALLOC_CONF", settings.c_str(), 1);  // read when it is loaded
  Library library("libjemalloc.so.2");
  Peer peer{.name = name};
  peer.allocate = library.symbol<void*(std::size_t)>("malloc");
  peer.free = library.symbol<void(void*)>("free");
  const auto control = library.symbol<Mallctl>("mallctl");
  if (!library.reason().empty()) return library.reason();
  if (!serves(peer, control)) return "malloc of libjemalloc was not served by jemalloc";
  if (!took(settings, control)) return "jemalloc did not take MALLOC_CONF=" + settings;
  const char* version = ask<const char*>(control, "version");
  peer.version = version == nullptr ? "unknown" : version;
  if (!settings.empty()) peer.remark = "MALLOC_CONF=" + settings;
  return peer;
}

const PeerRegistration plain{"jemalloc", {.open = [](const Setting& setting) {
                               return open_as("jemalloc", setting, setting.huge_pages ? kThp : "");
                             }}};
const PeerRegistration thp{"jemalloc_thp", {.open = [](const Setting& setting) {
                             return open_as("jemalloc_thp", setting, kThp);
                           }}};
const PeerRegistration kept{"jemalloc_kept", {.open = [](const Setting& setting) {
                              return open_as("jemalloc_kept", setting, kKept);
                            }}};

}  // namespace

}  // namespace vc::compare
