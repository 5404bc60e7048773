// The list of listeners, and the handlers of pthread_atfork.
#include "vcompound/platform/linux/after_fork.h"

#include <pthread.h>

#include <mutex>

#include "vcompound/platform/linux/slots/barriers.h"
#include "vcompound/platform/linux/slots/thread_slots.h"

namespace vc::os {
namespace {

/// The list, and its lock, which is held across a fork so that the child finds the list whole.
struct Listeners {
  std::mutex lock;
  ForkListener* first = nullptr;
};

/// Never destroyed: a static arena may be destroyed after every other static object.
Listeners& listeners() {
  static auto* const all = new Listeners;
  return *all;
}

void before_fork() { listeners().lock.lock(); }

void in_parent() { listeners().lock.unlock(); }

void in_child() {
  listeners().lock.unlock();
  ThreadSlots::forget_other_threads();
  prepare_barriers();
  for (ForkListener* one = listeners().first; one != nullptr; one = one->next) one->now_in_child();
}

}  // namespace

void watch_forks(ForkListener& listener) {
  static const int registered = ::pthread_atfork(before_fork, in_parent, in_child);
  static_cast<void>(registered);
  const std::lock_guard guard(listeners().lock);
  listener.next = listeners().first;
  listeners().first = &listener;
}

void stop_watching_forks(ForkListener& listener) {
  const std::lock_guard guard(listeners().lock);
  for (ForkListener** link = &listeners().first; *link != nullptr; link = &(*link)->next) {
    if (*link != &listener) continue;
    *link = listener.next;
    return;
  }
}

}  // namespace vc::os
