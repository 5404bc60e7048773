// After fork: every arena of the parent learns that it is now in a child.
//
// A child has the parent's memory file and a copy of the parent's tables. If it allocated, both
// would hand out the same frames. So a child may look (AfterFork::share) or not even that
// (AfterFork::exclude), but the memory belongs to the parent: commit, decommit and map are refused.
#pragma once

namespace vc::os {

/// Something that wants to hear of a fork: watched from watch_forks() to stop_watching_forks().
class ForkListener {
 public:
  /// Called in the child, before fork() returns there; no other thread exists.
  virtual void now_in_child() = 0;

  ForkListener(const ForkListener&) = delete;
  ForkListener& operator=(const ForkListener&) = delete;

  ForkListener* next = nullptr;  ///< The link of the list; not for others.

 protected:
  ForkListener() = default;
  ~ForkListener() = default;
};

/// Adds to and removes from the process's list of listeners. Thread-safe.
/// @{
void watch_forks(ForkListener& listener);
void stop_watching_forks(ForkListener& listener);
/// @}

}  // namespace vc::os
