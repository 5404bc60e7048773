#include "vcompound/frame/frame.h"

namespace vc {

const char* name_of(FrameState state) {
  switch (state) {
    case FrameState::absent: return "absent";
    case FrameState::inner: return "free";
    case FrameState::head: return "in use";
    case FrameState::tail: return "inside a compound";
    case FrameState::cached: return "freed";
    case FrameState::deferred: return "freed";
    case FrameState::pending: return "freed";
  }
  return "corrupt";
}

}  // namespace vc
