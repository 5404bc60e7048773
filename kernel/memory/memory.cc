#include "kernel/memory/memory.h"

#include "kernel/arch/machine.h"
#include "kernel/boot/boot_info.h"
#include "kernel/console/console.h"
#include "kernel/memory/forced_sites.h"
#include "kernel/memory/refusal.h"
#include "kernel/parameters.h"
#include "kernel/thread/wait.h"

namespace vc::kernel {

static_assert(kMaxCpus <= X86Platform::kSlots, "each CPU has a slot");

namespace {

/// Does what frees left behind where blocking was forbidden.
constinit Work poll_work{.run = [](Work*) {
  arena().allocator.poll();
}};

void write_site(TextWriter& out, CallSite site) {
  if (site.file == nullptr) {
    out.hex(site.where);
  } else {
    out.text(site.file).character(':').number(site.where);
  }
}

[[noreturn]] void refuse_address(const char* what, const char* why, VirtAddr address,
                                 CallSite site) {
  char buffer[256];
  TextWriter text(buffer, sizeof buffer);
  text.text(why).text(", address ").hex(address.value).text(" (").text(what_is_at(address));
  text.text("), called from ");
  write_site(text, site);
  panic_with(what, text.c_str(), nullptr);
}

}  // namespace

Result<Allocation> allocate_special(const Request& request, CallSite site, Report report) {
  note_site(site);
  Request asked = request;
  const bool strict = parameters().policy == Policy::contiguous_only;
  if (strict && asked.contiguity == Contiguity::preferred) asked.contiguity = Contiguity::required;
  Result<Allocation> result = arena().allocator.allocate(asked, site);
  if (!result && report == Report::print) print_refusal(asked, result.error(), site);
  return result;
}

Result<Allocation> allocate_plain(Bytes size, MayBlock may_block, CallSite site, Report report) {
  return allocate_special({.size = size, .may_block = may_block}, site, report);
}

void free_beyond_cache(VirtAddr address, CallSite site) {
  const Misuse misuse = arena().allocator.free(address);
  if (misuse != Misuse::none) refuse_address("bad free", name_of(misuse), address, site);
  if (!arena().platform.may_block()) queue_work(poll_work);
}

PhysAddr physical(VirtAddr address, CallSite site) {
  const PhysAddr found = arena().allocator.physical(address);
  if (found != decltype(X86Arena::allocator)::kNoPhysical) return found;
  const VirtAddr start(reinterpret_cast<std::uintptr_t>(image_start));
  const VirtAddr end(reinterpret_cast<std::uintptr_t>(image_end));
  if (address >= start && address < end) return PhysAddr(address.value - kImageBase.value);
  const bool mapped = arena().allocator.vmap_range().contains(address);
  refuse_address("no physical address",
                 mapped ? "mapped memory has no single physical address; a device needs "
                          "`required`, or the list of extents"
                        : "not in a compound in use",
                 address, site);
}

}  // namespace vc::kernel
