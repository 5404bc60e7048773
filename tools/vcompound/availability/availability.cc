// availability.cc — the verb `availability`: options, the rows one after the other, the exit code.
#include "tools/vcompound/availability/availability.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/vcompound/availability/experiment.h"
#include "tools/vcompound/availability/memory.h"
#include "tools/vcompound/availability/result.h"
#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/options.h"
#include "tools/vcompound/common/output_file.h"
#include "tools/vcompound/common/progress.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/machine.h"

namespace vc::tool {
namespace {

constexpr std::uint64_t kSmallestBudget = kMiB;
constexpr std::uint64_t kLargestSize = std::uint64_t{1} << 46;
/// The size whose pictures are kept, if it is among the sizes; else the largest.
constexpr std::uint64_t kMapSize = 8 * kMiB;

struct AvailabilityOptions {
  std::uint64_t budget = 3584 * kMiB;
  std::uint64_t block = 32 * kKiB;
  double freed = 0.968;
  std::uint64_t seed = 1;
  std::vector<std::uint64_t> sizes = {256 * kKiB, 512 * kKiB, kMiB,      2 * kMiB,  4 * kMiB,
                                      8 * kMiB,   16 * kMiB,  32 * kMiB, 64 * kMiB, 256 * kMiB};
  std::string json;
  std::string report;
};

void check_options(const AvailabilityOptions& options) {
  if (options.block > options.budget) {
    throw ToolError(ExitCode::kUsage, "--block " + format_bytes_exact(options.block) +
                                          " is larger than --budget " +
                                          format_bytes_exact(options.budget));
  }
  require_writable(options.json);
  require_writable(options.report);
}

ArenaOptions arena_options(const AvailabilityOptions& options) {
  ArenaOptions arena;
  const std::uint64_t whole_blocks = options.budget / options.block * options.block;
  arena.budget = Bytes(whole_blocks);
  arena.warn_above = kAnyLoss;  // fallbacks are what is looked for here
  return arena;
}

/// What in a row must not be.
std::string fault_of(const AvailabilityRow& row) {
  for (const HandOut* way : {&row.contiguous, &row.preferred}) {
    if (way->content_errors != 0) return way->first_error;
  }
  const Reason reason = row.preferred.refusal.reason;
  if (row.preferred.pieces < row.possible && !is_named_limit(reason)) {
    return "a piece was refused while free memory held it: " + to_string(row.preferred.refusal);
  }
  return "";
}

AvailabilityRow run_row(Experiment& experiment, std::uint64_t size, AvailabilityMaps* maps,
                        Progress& progress) {
  AvailabilityRow row;
  row.size = size;
  experiment.prepare();
  row.possible = experiment.possible(size);
  if (maps != nullptr) maps->before = experiment.cells();
  row.contiguous = experiment.hand_out(size, Contiguity::required);
  if (maps != nullptr) maps->contiguous = experiment.cells();
  progress.advance();
  experiment.prepare();
  row.preferred = experiment.hand_out(size, Contiguity::preferred);
  if (maps != nullptr) maps->preferred = experiment.cells();
  row.fault = fault_of(row);
  progress.advance();
  return row;
}

void run_rows(const AvailabilityOptions& options, Arena& arena, AvailabilityResult& result) {
  const bool has_map_size =
      std::find(options.sizes.begin(), options.sizes.end(), kMapSize) != options.sizes.end();
  result.maps.size =
      has_map_size ? kMapSize : *std::max_element(options.sizes.begin(), options.sizes.end());
  Experiment experiment(arena, result.setting);
  Progress progress("handing out pieces", 2 * options.sizes.size());
  for (const std::uint64_t size : options.sizes) {
    AvailabilityMaps* maps = size == result.maps.size ? &result.maps : nullptr;
    AvailabilityRow row = run_row(experiment, size, maps, progress);
    row.published = published_share(result.budget, result.setting, size);
    const double blocks = static_cast<double>(size) / static_cast<double>(options.block);
    row.model = std::pow(options.freed, std::max(1.0, blocks));
    result.rows.push_back(std::move(row));
  }
  result.state = experiment.prepare();
}

AvailabilityResult run_experiment(const AvailabilityOptions& options) {
  const Stopwatch watch;
  MadeArena made = make_scaled_arena(arena_options(options), options.block,
                                     std::max(kSmallestBudget, options.block));
  AvailabilityResult result;
  result.asked = options.budget;
  result.budget = made.budget;
  result.scaled_down = made.scaled_down;
  result.frame = made.arena.frame_size().bytes().value;
  result.setting = {options.block, options.freed, options.seed};
  result.mappings_limit = made.arena.stats().mappings_limit;
  result.machine = machine_summary(read_machine(SystemFiles()));
  run_rows(options, made.arena, result);
  result.seconds = watch.seconds();
  return result;
}

void write_report(const std::string& path, const nlohmann::json& json) {
  Report report("Availability of large pieces in fragmented memory");
  report.set_subtitle(
      "How much of the free memory can be handed out, contiguous only and compound.");
  add_availability(report, json, path);
  report.write(path);
}

int run_availability(const AvailabilityOptions& options) {
  report_file_size_limit();
  check_options(options);
  const AvailabilityResult result = run_experiment(options);
  std::ostream& out = text_stream(options.json);
  out << availability_text(result);
  const nlohmann::json json = availability_json(result);
  if (!options.json.empty()) write_json(options.json, json);
  if (!options.report.empty()) {
    write_report(options.report, json);
    out << "Report: " << options.report << "\n";
  }
  return to_int(result.faulty() ? ExitCode::kFound : ExitCode::kDone);
}

void add_options(CLI::App& verb, AvailabilityOptions& options) {
  add_bytes_option(verb, "--budget", options.budget,
                   "Memory of the arena; scaled down to what the machine has",
                   {kSmallestBudget, kLargestSize});
  add_bytes_option(verb, "--block", options.block, "Size of the blocks that fill the arena",
                   {4 * kKiB, kGiB});
  add_ratio_option(verb, "--freed", options.freed, "Share of the blocks that is freed at random");
  add_count_option(verb, "--seed", options.seed, "Chooses which blocks are freed");
  add_bytes_list_option(verb, "--sizes", options.sizes, "Sizes of the pieces to hand out",
                        {4 * kKiB, kLargestSize});
  add_output_option(verb, "--json", options.json,
                    "Write the result to FILE as JSON; - is stdout, the text then goes to stderr");
  add_output_option(verb, "--report", options.report,
                    "Write the result to FILE as one HTML page with pictures",
                    StdoutPath::kRefused);
}

}  // namespace

void register_availability(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<AvailabilityOptions>();
  CLI::App* const verb = app.add_subcommand(
      "availability", "How much of fragmented memory can be handed out in large pieces");
  verb->footer(
      "The arena is filled with blocks, a share of them is freed at random, and pieces of each\n"
      "size are handed out until one is refused: once contiguous only, once with the mapped\n"
      "fallback, from the same state. All contents are written and checked. A percentage is the\n"
      "number of pieces handed out of those that the free memory holds: floor(free / size).\n"
      "Example, the published setting (the defaults):\n"
      "  vcompound availability --budget 3.5GiB --block 32KiB --freed 0.968");
  add_options(*verb, *options);
  verb->callback([&chosen, options] {
    chosen = [options] {
      return run_availability(*options);
    };
  });
}

}  // namespace vc::tool
