// The options, requests and triggers of C, turned into those of C++.
#pragma once

#include "vcompound/arena.h"
#include "vcompound/vcompound.h"

namespace vc::c {

/// The text says what is wrong.
struct Wrong {
  const char* what;
};

Result<ArenaOptions, Wrong> options_from(const vc_arena_options& given);
Result<Request, Wrong> request_from(const vc_request& c);
Result<Trigger, Wrong> trigger_from(vc_trigger c);
vc_trigger to_c(Trigger trigger);

}  // namespace vc::c
