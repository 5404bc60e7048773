#include "vcompound/base/error.h"

namespace vc {

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::none: return "none";
    case Reason::invalid: return "invalid";
    case Reason::budget: return "budget";
    case Reason::fragmentation: return "fragmentation";
    case Reason::mappings: return "mappings";
    case Reason::address_space: return "address_space";
    case Reason::page_tables: return "page_tables";
    case Reason::backing: return "backing";
    case Reason::policy: return "policy";
    case Reason::injected: return "injected";
    case Reason::context: return "context";
  }
  return "unknown";
}

namespace {

/// The figures that prove the reason.
void write_proof(const Error& e, TextWriter& out) {
  switch (e.reason) {
    case Reason::budget: out.text("only ").size(e.free).text(" are free"); break;
    case Reason::fragmentation:
      out.size(e.free).text(" are free, but the longest run is ").size(e.largest_run);
      break;
    case Reason::mappings:
      out.number(e.mappings_used).text(" of ").number(e.mappings_limit);
      out.text(" mappings are in use and ").number(e.mappings_needed).text(" more were needed");
      break;
    case Reason::address_space:
      out.text("the longest free range of virtual addresses is ").size(e.largest_gap);
      break;
    default: out.text(e.detail); break;
  }
}

const char* remedy_for(Reason reason) {
  switch (reason) {
    case Reason::invalid: return "correct the request";
    case Reason::budget: return "free something or raise the arena's budget";
    case Reason::fragmentation: return "ask with contiguity `preferred`, or trim and try again";
    case Reason::mappings: return "raise the limit (Linux: sysctl vm.max_map_count)";
    case Reason::address_space: return "free something or give the arena a larger vmap space";
    case Reason::page_tables: return "free something: the system has no memory for page tables";
    case Reason::backing: return "check the memory limits of the process (see `vcompound info`)";
    case Reason::policy: return "see the rule named here in the configuration guide";
    case Reason::injected: return "switch the fault injection off";
    case Reason::context: return "try again where blocking is allowed";
    default: return "nothing to do";
  }
}

}  // namespace

void describe(const Error& e, TextWriter& out) {
  if (e.reason == Reason::none) {
    out.text("no error");
    return;
  }
  if (e.requested.value != 0) out.text("allocation of ").size(e.requested).character(' ');
  out.text("refused (").text(name_of(e.reason));
  out.text("): ");
  write_proof(e, out);
  const bool proof_is_detail = e.reason != Reason::budget && e.reason != Reason::fragmentation &&
                               e.reason != Reason::mappings && e.reason != Reason::address_space;
  if (!proof_is_detail && e.detail[0] != '\0') out.text(" (").text(e.detail).text(")");
  if (e.system_error != 0) out.text(" [system error ").number_signed(e.system_error).text("]");
  out.text("; ").text(remedy_for(e.reason));
}

}  // namespace vc
