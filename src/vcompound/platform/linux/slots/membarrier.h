// One command of membarrier(2) that a process must register for.
#pragma once

namespace vc::os {

/// The system call behind heavy_barrier() and interrupt_sequences().
struct Membarrier {
  int registration;  ///< MEMBARRIER_CMD_REGISTER_...
  int command;       ///< MEMBARRIER_CMD_...

  /// Registers the process; false if the kernel does not have the command. Harmless if done twice.
  bool prepare() const;
  /// Does it for a process that has registered; panics if that is not possible any more.
  void issue() const;
};

}  // namespace vc::os
