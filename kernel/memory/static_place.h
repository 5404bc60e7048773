// StaticPlace: memory for an object that is made later than the image, and lives for ever.
#pragma once

namespace vc::kernel {

/// Whoever knows how to make the object does so by new (&place.object) T(...). It is never
/// destroyed.
template <class T>
union StaticPlace {
  constexpr StaticPlace() : nothing(0) {}
  ~StaticPlace() {}  // NOLINT(modernize-use-equals-default): that one would be deleted
  char nothing;
  T object;
};

}  // namespace vc::kernel
