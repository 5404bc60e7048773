// Library: a peer's shared library, loaded when the peer is opened. Nothing is needed at build
// time, and RTLD_LOCAL keeps the rest of the process on its own malloc.
//
// What goes wrong is remembered, so that a peer asks for all its symbols and then once for
// reason().
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace vc::compare {

/// A request large enough for every peer to count it, small enough to cost nothing.
constexpr std::size_t kProbe = 100'000;

/// Does this address belong to the library with that in its name?
inline bool comes_from(const void* address, const char* library) {
  Dl_info info{};
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr &&
         std::strstr(info.dli_fname, library) != nullptr;
}

class Library {
 public:
  explicit Library(const char* file) : handle_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) reason_ = std::string("not installed: ") + dlerror();
  }

  /// nullptr if there is none; reason() then tells.
  template <class Function>
  Function* symbol(const char* name) {
    if (handle_ == nullptr) return nullptr;
    void* address = dlsym(handle_, name);
    if (address == nullptr) reason_ = dlerror();
    return reinterpret_cast<Function*>(address);
  }

  /// Empty if the library and every symbol asked for are there.
  const std::string& reason() const { return reason_; }

 private:
  void* handle_;  // kept for the life of the process, as the functions are
  std::string reason_;
};

}  // namespace vc::compare
