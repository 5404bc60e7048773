// Intrusive lists: an object is in a list by a hook that it contains, so no memory is managed.
//
//      List          first ------> [hook] <----> [hook] <----> [hook] <------ last
//                                   in A          in B          in C
//
// An object has one hook (a base class) for each list that it may be in at the same time; the hooks
// are told apart by a tag. Pure: tested on the host. Not thread-safe.
#pragma once

#include <cstddef>

#include "vcompound/base/assert.h"

namespace vc::kernel {

template <class T, class Tag>
class List;

/// What an object needs to be in a list. Not copied with the object.
template <class Tag>
class Hook {
 public:
  constexpr Hook() = default;
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;

  bool is_linked() const { return linked_; }

 private:
  template <class T, class OtherTag>
  friend class List;

  Hook* next_ = nullptr;
  Hook* previous_ = nullptr;
  bool linked_ = false;
};

/// Objects of class T, which derives from Hook<Tag>. T need not be complete where the list stands.
template <class T, class Tag>
class List {
 public:
  constexpr List() = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const { return first_ == nullptr; }
  T* first() const { return object(first_); }
  T* last() const { return object(last_); }
  static T* next(const T& item) { return object(hook(item).next_); }

  void push_back(T& item) { insert_before(nullptr, item); }
  /// Puts an item in front of `place`; at the end if that is nullptr.
  void insert_before(T* place, T& item) {
    Hook<Tag>& hook = item;
    VC_DEBUG_ASSERT(!hook.linked_, "an item is already in a list");
    hook.next_ = place;
    hook.previous_ = place == nullptr ? last_ : static_cast<Hook<Tag>*>(place)->previous_;
    (hook.previous_ == nullptr ? first_ : hook.previous_->next_) = &hook;
    (hook.next_ == nullptr ? last_ : hook.next_->previous_) = &hook;
    hook.linked_ = true;
  }
  void remove(T& item) {
    Hook<Tag>& hook = item;
    VC_DEBUG_ASSERT(hook.linked_, "an item is in no list");
    (hook.previous_ == nullptr ? first_ : hook.previous_->next_) = hook.next_;
    (hook.next_ == nullptr ? last_ : hook.next_->previous_) = hook.previous_;
    hook.next_ = hook.previous_ = nullptr;
    hook.linked_ = false;
  }
  /// Takes the first item out; nullptr if there is none.
  T* pop_front() {
    T* item = first();
    if (item != nullptr) remove(*item);
    return item;
  }

 private:
  static T* object(Hook<Tag>* hook) { return static_cast<T*>(hook); }
  static const Hook<Tag>& hook(const T& item) { return item; }

  Hook<Tag>* first_ = nullptr;
  Hook<Tag>* last_ = nullptr;
};

}  // namespace vc::kernel
