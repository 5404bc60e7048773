// The serial console: whole lines, from any context.
#pragma once

#include "vcompound/base/text.h"

namespace vc::kernel {

/// One line of output. What is written to it appears at the end of its life, whole, with a newline:
///     Line().text("booted with ").number(cpus).text(" CPUs");
/// May be used in any context, in a panic too. Longer than its buffer: cut, with "..." at the end.
class Line : public TextWriter {
 public:
  Line() : TextWriter(buffer_, sizeof buffer_) {}
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

 private:
  char buffer_[512];
};

/// Prepares the serial port (COM1, 115200 8N1). Called once, first of all.
void open_console();
/// Writes bytes as they are, without lock or buffer.
void write_console(const char* bytes, std::size_t length);

}  // namespace vc::kernel
