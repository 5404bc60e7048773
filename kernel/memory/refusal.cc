#include "kernel/memory/refusal.h"

#include "kernel/console/console.h"
#include "kernel/memory/memory.h"
#include "kernel/thread/thread.h"
#include "vcompound/base/atomic.h"

namespace vc::kernel {

namespace {

/// Full reports; later ones are two lines each.
constexpr std::uint32_t kFullReports = 4;
constinit Atomic<std::uint32_t> reports;

const char* name_of(Contiguity contiguity) {
  switch (contiguity) {
    case Contiguity::preferred: return "preferred";
    case Contiguity::required: return "required";
    case Contiguity::never: return "never contiguous";
  }
  return "?";
}

void print_head(const Request& request, CallSite site) {
  const Thread* thread = current_thread();
  Line line;
  line.text(thread == nullptr ? "boot" : kernel::name_of(*thread));
  line.text(": page allocation failure: order:");
  const PageCount pages = FrameSize(12).pages_for(request.size);
  line.number(pages.value == 0 ? 0 : order_for(pages).value);
  line.text(", mode: ").text(name_of(request.contiguity));
  if (request.may_block == MayBlock::no) line.text(", atomic");
  if (request.placement == Placement::spread()) line.text(", spread");
  line.text(", from ").text(site.file == nullptr ? "?" : site.file);
  line.character(':').number(site.where);
}

}  // namespace

void print_refusal(const Request& request, const Error& error, CallSite site) {
  print_head(request, site);
  {
    Line line;
    describe(error, line);
  }
  if (error.reason == Reason::injected || !arena().platform.may_block()) return;
  if (reports.fetch_add(1) >= kFullReports) return;
  print_memory_table();
  print_buddyinfo();
}

}  // namespace vc::kernel
