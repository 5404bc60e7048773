// Work in a child process: for a peer that is to be opened anew, or that may die of it.
#pragma once

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

namespace vc::compare {

/// A T that a child writes and its parent reads. Throws std::bad_alloc without memory.
template <class T>
class SharedWithChild {
 public:
  SharedWithChild() {
    void* memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    value_ = new (memory) T;
  }
  ~SharedWithChild() {
    std::destroy_at(value_);
    munmap(value_, sizeof(T));
  }
  SharedWithChild(const SharedWithChild&) = delete;
  SharedWithChild& operator=(const SharedWithChild&) = delete;
  T& operator*() const { return *value_; }
  T* operator->() const { return value_; }

 private:
  T* value_;
};

/// Does work() in a child and waits for it; returns how it ended, as waitpid() does. The child ends
/// without destructors, but what it printed is not lost. Throws std::system_error if there can be
/// no child.
template <class Work>
int in_child(Work&& work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    std::forward<Work>(work)();
    std::fflush(nullptr);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    throw std::system_error(errno, std::generic_category(), "a child process");
  }
  return status;
}

/// in_child(); if the child did not end well, this process ends in the same way.
template <class Work>
void in_child_or_end(Work&& work) {
  const int status = in_child(std::forward<Work>(work));
  if (WIFSIGNALED(status)) std::raise(WTERMSIG(status));
  if (status != 0) std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

}  // namespace vc::compare
