// The options, requests and triggers of C, turned into those of C++, value by value: a C program
// may put anything there.
#include "vcompound/api/c_options.h"

#include <algorithm>
#include <cstring>

#include "vcompound/api/site_patterns.h"

namespace vc::c {
namespace {

/// The first version of the struct ended after always_map_site.
constexpr std::size_t kSmallestOptions =
    offsetof(vc_arena_options, always_map_site) + sizeof(const char*);

/// The n-th of a few values, if it exists.
template <class E, std::size_t N>
bool pick(std::uint64_t n, const E (&values)[N], E& chosen) {
  if (n >= N) return false;
  chosen = values[n];
  return true;
}

bool pick_all(const vc_arena_options& c, ArenaOptions& o) {
  return pick(c.backing, {Backing::memfd, Backing::hugetlb}, o.backing) &&
         pick(c.huge, {HugePages::collapse, HugePages::never}, o.huge) &&
         pick(c.precommit, {Precommit::no, Precommit::yes}, o.precommit) &&
         pick(c.overcommit, {Overcommit::no, Overcommit::yes}, o.overcommit) &&
         pick(c.after_fork, {AfterFork::share, AfterFork::exclude}, o.after_fork) &&
         pick(c.on_misuse, {OnMisuse::ignore, OnMisuse::report, OnMisuse::abort}, o.on_misuse) &&
         pick(c.runs,
              {RunChoice::longest_first, RunChoice::smallest_sufficient, RunChoice::smallest_first},
              o.runs) &&
         pick(c.echo, {Echo::no, Echo::yes}, o.echo);
}

bool is_zero(const unsigned char* bytes, std::size_t size) {
  return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

/// The caller's struct, which may be of an older or newer version, as one of this version.
Result<vc_arena_options, Wrong> adapt(const vc_arena_options& given) {
  if (given.struct_size < kSmallestOptions) {
    return Wrong{"the options were not initialised; call vc_arena_options_init() first"};
  }
  vc_arena_options c;
  vc_arena_options_init(&c);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  if (given.struct_size > sizeof c && !is_zero(bytes + sizeof c, given.struct_size - sizeof c)) {
    return Wrong{"the options ask for what this version of the library does not know"};
  }
  std::memcpy(&c, bytes, std::min(given.struct_size, sizeof c));
  return c;
}

}  // namespace

Result<ArenaOptions, Wrong> options_from(const vc_arena_options& given) {
  const auto adapted = adapt(given);
  if (!adapted) return adapted.error();
  const vc_arena_options& c = *adapted;
  ArenaOptions o;
  if (!pick_all(c, o)) return Wrong{"an option has a value that its list does not have"};
  const auto always_map = trigger_from(c.always_map);
  const auto inject = trigger_from(c.inject);
  if (!always_map) return always_map.error();
  if (!inject) return inject.error();
  o.always_map = *always_map;
  o.inject = *inject;
  o.budget = Bytes(c.budget);
  o.frame_size = Bytes(c.frame_size);
  o.nodes = c.nodes;
  o.vmap_space = Bytes(c.vmap_space);
  o.mapping_limit = c.mapping_limit;
  o.thread_cache = Bytes(c.thread_cache);
  o.warn_above = Bytes(c.warn_above);
  if (c.always_map_site != nullptr) o.always_map_site = c.always_map_site;
  return o;
}

Result<Request, Wrong> request_from(const vc_request& c) {
  Request request{.size = Bytes(c.size), .alignment = Bytes(c.alignment)};
  const bool known =
      pick(static_cast<std::uint32_t>(c.contiguity),
           {Contiguity::preferred, Contiguity::required, Contiguity::never}, request.contiguity);
  if (!known) return Wrong{"`contiguity` of the request is no vc_contiguity"};
  if (!is_zero(reinterpret_cast<const unsigned char*>(c.reserved), sizeof c.reserved)) {
    return Wrong{"`reserved` of the request is not zero; write vc_request r = {.size = ...}"};
  }
  if (c.node < VC_NODE_SPREAD) return Wrong{"`node` of the request is no VC_NODE(n)"};
  if (c.node == VC_NODE_SPREAD) request.placement = Placement::spread();
  if (c.node > 0) request.placement = Placement::on(static_cast<std::uint32_t>(c.node - 1));
  request.zero = c.zero != 0 ? Zero::yes : Zero::no;
  request.may_block = c.no_block != 0 ? MayBlock::no : MayBlock::yes;
  if (c.limit_loss != 0) request.max_loss = Bytes(c.max_loss);
  return request;
}

Result<Trigger, Wrong> trigger_from(vc_trigger c) {
  Trigger trigger{.parameter = c.parameter};
  const bool known = pick(c.mode,
                          {Trigger::Mode::off, Trigger::Mode::always, Trigger::Mode::probability,
                           Trigger::Mode::every_nth, Trigger::Mode::nth},
                          trigger.mode);
  if (!known) return Wrong{"`mode` of the trigger is no vc_trigger_mode"};
  if (c.mode <= VC_TRIGGER_ALWAYS) trigger.parameter = 0;  // means nothing there
  const bool counts = c.mode == VC_TRIGGER_EVERY_NTH || c.mode == VC_TRIGGER_NTH;
  if (counts && c.parameter == 0) return Wrong{"`parameter` of the trigger must be 1 or more"};
  return trigger;
}

vc_trigger to_c(Trigger trigger) {
  return {static_cast<std::uint32_t>(trigger.mode), trigger.parameter};
}

}  // namespace vc::c

extern "C" void vc_arena_options_init_sized(vc_arena_options* options, size_t struct_size) {
  if (options == nullptr || struct_size < sizeof options->struct_size) return;
  const vc::ArenaOptions defaults;
  vc_arena_options c{};
  c.struct_size = struct_size;
  c.frame_size = defaults.frame_size.value;
  c.nodes = defaults.nodes;
  c.warn_above = defaults.warn_above.value;
  c.runs = static_cast<std::uint64_t>(defaults.runs);
  c.on_misuse = static_cast<std::uint32_t>(defaults.on_misuse);
  std::memset(options, 0, struct_size);
  std::memcpy(static_cast<void*>(options), &c, std::min(struct_size, sizeof c));
}
