// Loading the peers, and making sure of them.
#include "bench/allocators.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace vc::bench {

namespace {

[[noreturn]] void give_up(const char* what, const char* why) {
  std::fprintf(stderr, "bench: %s: %s\n", what, why);
  std::exit(3);
}

void* load(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) give_up(library, dlerror());
  return handle;
}

template <class Function>
Function* symbol(void* library, const char* name) {
  void* address = dlsym(library, name);
  if (address == nullptr) give_up(name, dlerror());
  return reinterpret_cast<Function*>(address);
}

using Mallctl = int(const char*, void*, std::size_t*, void*, std::size_t);

void* mimalloc_library() {
  static void* const library = load("libmimalloc.so.2");
  return library;
}

void* jemalloc_library() {
  static void* const library = load("libjemalloc.so.2");
  return library;
}

/// Is that function of the library with this in its name?
bool comes_from(void (*function)(void*), const char* library) {
  Dl_info info{};
  return dladdr(reinterpret_cast<void*>(function), &info) != 0 && info.dli_fname != nullptr &&
         std::strstr(info.dli_fname, library) != nullptr;
}

/// The bytes that this thread has allocated from jemalloc, as jemalloc counts them.
std::uint64_t jemalloc_allocated() {
  std::uint64_t bytes = 0;
  std::size_t length = sizeof(bytes);
  symbol<Mallctl>(jemalloc_library(), "mallctl")("thread.allocated", &bytes, &length, nullptr, 0);
  return bytes;
}

std::string jemalloc_version() {
  const char* version = "";
  std::size_t length = sizeof(version);
  symbol<Mallctl>(jemalloc_library(), "mallctl")("version", &version, &length, nullptr, 0);
  return version;
}

std::string mimalloc_version() {
  const int version = symbol<int()>(mimalloc_library(), "mi_version")();
  return std::to_string(version / 100) + "." + std::to_string(version / 10 % 10) + "." +
         std::to_string(version % 10);
}

constexpr std::size_t kProbe = 100'000;

void verify_glibc() {
  if (!comes_from(glibc_calls().free, "libc.so.6")) {
    give_up("glibc", "malloc of this process is not glibc's (is something preloaded?)");
  }
}

void verify_mimalloc() {
  const auto owns = symbol<bool(const void*)>(mimalloc_library(), "mi_is_in_heap_region");
  void* theirs = mimalloc_calls().allocate(kProbe);
  void* other = glibc_calls().allocate(kProbe);
  const bool right = owns(theirs) && !owns(other);
  mimalloc_calls().free(theirs);
  glibc_calls().free(other);
  if (!right) give_up("mimalloc", "mi_malloc was not served by mimalloc");
}

void verify_jemalloc() {
  const std::uint64_t before = jemalloc_allocated();
  void* theirs = jemalloc_calls().allocate(kProbe);
  const std::uint64_t after = jemalloc_allocated();
  void* other = glibc_calls().allocate(kProbe);
  const std::uint64_t later = jemalloc_allocated();
  jemalloc_calls().free(theirs);
  glibc_calls().free(other);
  if (after < before + kProbe || later != after) {
    give_up("jemalloc", "malloc of libjemalloc was not served by jemalloc");
  }
}

}  // namespace

const PeerCalls& glibc_calls() {
  static const PeerCalls calls{&std::malloc, &std::free, gnu_get_libc_version()};
  return calls;
}

const PeerCalls& mimalloc_calls() {
  static const PeerCalls calls{symbol<void*(std::size_t)>(mimalloc_library(), "mi_malloc"),
                               symbol<void(void*)>(mimalloc_library(), "mi_free"),
                               mimalloc_version()};
  return calls;
}

const PeerCalls& jemalloc_calls() {
  static const PeerCalls calls{symbol<void*(std::size_t)>(jemalloc_library(), "malloc"),
                               symbol<void(void*)>(jemalloc_library(), "free"), jemalloc_version()};
  return calls;
}

void verify_peers() {
  verify_glibc();
  verify_mimalloc();
  verify_jemalloc();
}

Arena& shared_arena() {
  static Arena arena = [] {
    Result<Arena> made = Arena::create({.budget = gib(2)});
    if (!made) give_up("arena", to_string(made.error()).c_str());
    return std::move(made).value();
  }();
  return arena;
}

}  // namespace vc::bench
