// Listings of memory as lines of text, for the console or for a test.
#pragma once

#include "vcompound/base/text.h"
#include "vcompound/base/units.h"

namespace vc::kernel {

/// Takes the lines of a listing, one after the other.
class LineSink {
 public:
  virtual void line(const char* text) = 0;

 protected:
  ~LineSink() = default;
};

/// Each needs a caller that may block; elsewhere the listing is one line that says so. Memory that
/// is allocated or freed meanwhile may be in it or not. No memory is needed. What they list:
/// memory.h, at the functions that print.
void list_buddyinfo(LineSink& sink);
void list_vmallocinfo(LineSink& sink);
void list_memory_table(LineSink& sink);

namespace listing {

/// A line that goes to a sink at the end of its life.
class SinkLine : public TextWriter {
 public:
  explicit SinkLine(LineSink& sink) : TextWriter(buffer_, sizeof buffer_), sink_(sink) {}
  ~SinkLine() { sink_.line(c_str()); }
  SinkLine(const SinkLine&) = delete;
  SinkLine& operator=(const SinkLine&) = delete;

 private:
  LineSink& sink_;
  char buffer_[320];
};

/// The locks that a listing takes may be held by what was interrupted: if so, says that.
bool can_list(LineSink& sink, const char* what);
/// Decimal digits, right-aligned.
void padded(TextWriter& out, std::uint64_t value, std::uint32_t width);

}  // namespace listing

}  // namespace vc::kernel
