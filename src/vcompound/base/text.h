// A text writer without heap, locale or exceptions: it fills a caller's buffer and never overruns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vcompound/base/units.h"

namespace vc {

/// Appends text to a buffer. What does not fit is counted and dropped; the text is always
/// terminated by NUL. Not thread-safe.
class TextWriter {
 public:
  /// Writes into buffer[0..capacity); capacity may be 0.
  TextWriter(char* buffer, std::size_t capacity);

  TextWriter& text(const char* s);
  TextWriter& text(const char* s, std::size_t length);
  TextWriter& character(char c);
  /// Decimal digits.
  TextWriter& number(std::uint64_t v);
  TextWriter& number_signed(std::int64_t v);
  /// "0x" and hexadecimal digits.
  TextWriter& hex(std::uint64_t v);
  /// A size for people: "4 KiB", "1.5 GiB" (one digit after the point, dropped when it is 0).
  TextWriter& size(Bytes v);
  /// part / whole in percent with one digit after the point; 0 when the whole is 0.
  TextWriter& percent(std::uint64_t part, std::uint64_t whole);

  /// The characters written so far, without those dropped.
  std::size_t length() const { return length_; }
  /// Has anything been dropped?
  bool truncated() const { return dropped_ != 0; }
  const char* c_str() const { return capacity_ == 0 ? "" : buffer_; }

 private:
  char* buffer_;
  std::size_t capacity_;
  std::size_t length_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace vc
