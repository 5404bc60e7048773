// The end of a kernel that cannot go on: one CPU tells, the others stop.
#pragma once

#include "kernel/arch/machine.h"
#include "vcompound/base/text.h"

namespace vc::kernel {

/// A line of the report: straight to the serial port, no lock, at the end of its life.
class PanicLine : public TextWriter {
 public:
  PanicLine() : TextWriter(buffer_, sizeof buffer_) {}
  ~PanicLine();
  PanicLine(const PanicLine&) = delete;
  PanicLine& operator=(const PanicLine&) = delete;

  /// 16 hexadecimal digits.
  TextWriter& word(std::uint64_t value);

 private:
  char buffer_[256];
};

/// For the handler of the non-maskable interrupt: does not return if a panic asks this CPU to stop.
void stop_if_asked();

/// Where code is: its instruction, its frame, its stack.
struct Place {
  std::uint64_t ip;
  std::uint64_t bp;
  std::uint64_t sp;
};
/// The calls that led to a place, by the chain of frame pointers. Survives a chain that leads
/// anywhere.
void print_backtrace(const Place& place);

}  // namespace vc::kernel
