#include "vcompound/base/text.h"

namespace vc {

TextWriter::TextWriter(char* buffer, std::size_t capacity) : buffer_(buffer), capacity_(capacity) {
  if (capacity_ != 0) buffer_[0] = '\0';
}

TextWriter& TextWriter::character(char c) {
  if (length_ + 1 >= capacity_) {
    ++dropped_;
    return *this;
  }
  buffer_[length_++] = c;
  buffer_[length_] = '\0';
  return *this;
}

TextWriter& TextWriter::text(const char* s) {
  for (; *s != '\0'; ++s) character(*s);
  return *this;
}

TextWriter& TextWriter::text(const char* s, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) character(s[i]);
  return *this;
}

TextWriter& TextWriter::number(std::uint64_t v) {
  char digits[20];
  std::size_t n = 0;
  do {
    digits[n++] = static_cast<char>('0' + v % 10);
    v /= 10;
  } while (v != 0);
  while (n != 0) character(digits[--n]);
  return *this;
}

TextWriter& TextWriter::number_signed(std::int64_t v) {
  if (v >= 0) return number(static_cast<std::uint64_t>(v));
  return character('-').number(~static_cast<std::uint64_t>(v) + 1);
}

TextWriter& TextWriter::hex(std::uint64_t v) {
  text("0x");
  std::uint32_t shift = v == 0 ? 0 : floor_log2(v) / 4 * 4;
  for (;; shift -= 4) {
    character("0123456789abcdef"[(v >> shift) & 15]);
    if (shift == 0) return *this;
  }
}

TextWriter& TextWriter::size(Bytes v) {
  static constexpr const char* kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  const std::uint32_t unit = v.value == 0 ? 0 : floor_log2(v.value) / 10;
  const std::uint32_t shift = unit * 10;
  number(v.value >> shift);
  const std::uint64_t rest = v.value & ((std::uint64_t{1} << shift) - 1);
  // rest < 2^60, so rest * 10 cannot overflow 64 bits.
  const std::uint64_t tenth = rest * 10 >> shift;
  if (tenth != 0) character('.').number(tenth);
  return text(kUnits[unit]);
}

TextWriter& TextWriter::percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return text("0.0");
  const std::uint64_t shift = whole >> 53;  // keep part * 1000 inside 64 bits
  if (shift != 0) {
    part >>= 11;
    whole >>= 11;
  }
  const std::uint64_t tenths = (part * 1000 + whole / 2) / whole;
  return number(tenths / 10).character('.').number(tenths % 10);
}

}  // namespace vc
