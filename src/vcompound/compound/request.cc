#include "vcompound/compound/request.h"

namespace vc {

const char* name_of(Misuse misuse) {
  switch (misuse) {
    case Misuse::none: return "none";
    case Misuse::foreign: return "foreign pointer";
    case Misuse::misaligned: return "misaligned pointer";
    case Misuse::interior: return "interior pointer";
    case Misuse::already_freed: return "double free";
    case Misuse::not_allocated: return "pointer to memory that is not allocated";
    case Misuse::still_referenced: return "free of a compound that is still referenced";
    case Misuse::closed: return "closed arena";
  }
  return "unknown";
}

const char* advice_for(Misuse misuse) {
  switch (misuse) {
    case Misuse::none: return "nothing is wrong";
    case Misuse::foreign: return "it was not allocated from this arena; free it where it came from";
    case Misuse::misaligned: return "pass the address that the allocation returned";
    case Misuse::interior: return "pass the start of the compound, see head_of()";
    case Misuse::already_freed: return "it was freed before; look for a second owner";
    case Misuse::not_allocated: return "it was freed before, or never allocated";
    case Misuse::still_referenced: return "drop the reference with put(); the last put() frees";
    case Misuse::closed:
      return "it was destroyed, or this is a forked child and it belongs to the parent";
  }
  return "";
}

const char* name_of(Kind kind) { return kind == Kind::mapped ? "mapped" : "contiguous"; }

}  // namespace vc
