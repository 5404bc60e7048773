// Loads two plugins. Two threads that live at the same time, each first seen by another plugin,
// must not get the same slot: both would be in the same cache.
//
// Usage: host PLUGIN PLUGIN
#include <dlfcn.h>

#include <cstdio>
#include <thread>

#include "plugin.h"

namespace {

const Plugin* load(const char* path) {
  void* const object = ::dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (object == nullptr) {
    std::printf("%s\n", ::dlerror());
    return nullptr;
  }
  return static_cast<const Plugin*>(::dlsym(object, "plugin"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const Plugin* const one = load(argv[1]);
  const Plugin* const other = load(argv[2]);
  if (one == nullptr || other == nullptr) return 1;
  bool used = one->use();
  std::uint32_t theirs = 0;
  std::thread([&] {
    used = other->use() && used;
    theirs = other->slot();
  }).join();
  // This thread has kept its slot meanwhile, so the other thread's was another one.
  const bool shared_variable = one->slot() == other->slot();
  used = other->use() && used;
  std::printf("slots: %u and %u\n", other->slot(), theirs);
  if (!used) std::puts("a plugin could not use its arena");
  return used && !(shared_variable && other->slot() == theirs) ? 0 : 1;
}
