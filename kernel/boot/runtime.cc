// The functions that a compiler calls by itself, also in a freestanding program.
#include <cstddef>

#include "vcompound/base/assert.h"

extern "C" {

/// What stands in a table of virtual functions where an abstract class has none.
[[noreturn]] void __cxa_pure_virtual();  // NOLINT: the name is the compiler's

void __cxa_pure_virtual() {
  vc::panic("a virtual function of an object that is half made or gone", __FILE__, __LINE__);
}

void* memcpy(void* to, const void* from, std::size_t n);
void* memmove(void* to, const void* from, std::size_t n);
void* memset(void* to, int value, std::size_t n);
int memcmp(const void* a, const void* b, std::size_t n);
std::size_t strlen(const char* s);

void* memcpy(void* to, const void* from, std::size_t n) {
  void* d = to;
  asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
  return to;
}

void* memmove(void* to, const void* from, std::size_t n) {
  auto* d = static_cast<unsigned char*>(to);
  const auto* s = static_cast<const unsigned char*>(from);
  if (d <= s || d >= s + n) return memcpy(to, from, n);
  while (n-- != 0) asm volatile("movb %1, %%al; movb %%al, %0" : "=m"(d[n]) : "m"(s[n]) : "al");
  return to;
}

void* memset(void* to, int value, std::size_t n) {
  void* d = to;
  asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(value) : "memory");
  return to;
}

int memcmp(const void* a, const void* b, std::size_t n) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (std::size_t i = 0; i < n; ++i) {
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  }
  return 0;
}

std::size_t strlen(const char* s) {
  std::size_t n = 0;
  while (s[n] != '\0') ++n;
  return n;
}

}  // extern "C"
