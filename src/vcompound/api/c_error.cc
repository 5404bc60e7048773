// The error of a thread, as C sees it.
#include <cstring>

#include "vcompound/api/c_arena.h"
#include "vcompound/base/text.h"

namespace vc::c {
namespace {

thread_local vc_error last;

/// Clears everything but the sentence, which the caller writes next.
TextWriter begin(Reason reason) {
  last.reason = static_cast<vc_reason>(reason);
  last.misuse = VC_MISUSE_NONE;
  last.requested = last.free = last.largest_run = last.largest_gap = 0;
  last.mappings_used = last.mappings_limit = last.mappings_needed = 0;
  last.system_error = 0;
  return TextWriter(last.sentence, sizeof last.sentence);
}

static_assert(VC_REASON_COUNT == kReasonCount);
static_assert(VC_REASON_CONTEXT == static_cast<int>(Reason::context));
static_assert(VC_REASON_FRAGMENTATION == static_cast<int>(Reason::fragmentation));
static_assert(VC_REASON_BACKING == static_cast<int>(Reason::backing));
static_assert(VC_MISUSE_CLOSED == static_cast<int>(Misuse::closed));
static_assert(VC_MISUSE_INTERIOR == static_cast<int>(Misuse::interior));

}  // namespace

void set_error(const Error& error) {
  TextWriter sentence = begin(error.reason);
  describe(error, sentence);
  last.requested = error.requested.value;
  last.free = error.free.value;
  last.largest_run = error.largest_run.value;
  last.largest_gap = error.largest_gap.value;
  last.mappings_used = error.mappings_used;
  last.mappings_limit = error.mappings_limit;
  last.mappings_needed = error.mappings_needed;
  last.system_error = error.system_error;
}

void set_error(Reason reason, const char* sentence) { begin(reason).text(sentence); }

void set_error(Misuse misuse) {
  begin(Reason::invalid).text(name_of(misuse)).text(": ").text(advice_for(misuse));
  last.misuse = static_cast<vc_misuse>(misuse);
}

}  // namespace vc::c

extern "C" {

const vc_error* vc_last_error(void) { return &vc::c::last; }

const char* vc_reason_name(vc_reason reason) {
  return vc::name_of(static_cast<vc::Reason>(reason));
}

const char* vc_misuse_name(vc_misuse misuse) {
  return vc::name_of(static_cast<vc::Misuse>(misuse));
}

}  // extern "C"
