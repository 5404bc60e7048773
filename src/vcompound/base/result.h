// A value or the error that prevented it. Nothing is thrown, nothing is lost.
#pragma once

#include <new>
#include <utility>

#include "vcompound/base/assert.h"
#include "vcompound/base/error.h"

namespace vc {

/// Either a `T` or an `E`; which one is asked with `if (result)`. Movable if T is.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : ok_(true) { ::new (&value_) T(std::move(value)); }   // NOLINT: implicit
  Result(E error) : ok_(false) { ::new (&error_) E(std::move(error)); }  // NOLINT: implicit
  /// Makes the value where it will stand.
  template <class... Arguments>
  explicit Result(std::in_place_t, Arguments&&... arguments) : ok_(true) {
    ::new (&value_) T(std::forward<Arguments>(arguments)...);
  }
  Result(Result&& other) noexcept : ok_(other.ok_) {
    if (ok_) {
      ::new (&value_) T(std::move(other.value_));
    } else {
      ::new (&error_) E(std::move(other.error_));
    }
  }
  Result& operator=(Result&& other) noexcept {
    if (this != &other) {
      this->~Result();
      ::new (this) Result(std::move(other));
    }
    return *this;
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() {
    if (ok_) {
      value_.~T();
    } else {
      error_.~E();
    }
  }

  explicit operator bool() const { return ok_; }
  bool ok() const { return ok_; }

  /// The value; asking a failed result for it is a panic.
  T& value() & {
    VC_ASSERT(ok_, "value() of a Result that holds an error");
    return value_;
  }
  const T& value() const& {
    VC_ASSERT(ok_, "value() of a Result that holds an error");
    return value_;
  }
  T&& value() && {
    VC_ASSERT(ok_, "value() of a Result that holds an error");
    return std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// The error; asking a successful result for it is a panic.
  const E& error() const {
    VC_ASSERT(!ok_, "error() of a Result that holds a value");
    return error_;
  }

 private:
  union {
    T value_;
    E error_;
  };
  bool ok_;
};

}  // namespace vc
