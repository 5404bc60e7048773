// info.cc — the verb `info`.
#include "tools/vcompound/info/info.h"

#include <bit>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/vcompound/common/exit_code.h"
#include "tools/vcompound/common/options.h"
#include "tools/vcompound/common/output_file.h"
#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/info/print.h"

namespace vc::tool {
namespace {

struct InfoOptions {
  std::string json;
  std::string root;
};

/// The size of a huge page to try; a figure that no machine has is taken for the usual one.
std::uint64_t huge_size_of(const Machine& machine) {
  const std::uint64_t size = machine.huge_pages.pmd_size.value_or(2 * kMiB);
  return std::has_single_bit(size) && size <= kGiB ? size : 2 * kMiB;
}

void require_root(const std::string& root) {
  if (root.empty() || std::filesystem::is_directory(root)) return;
  throw ToolError(ExitCode::kUsage, "--root: " + root + " is not a directory",
                  "name the directory that holds copies of /proc and /sys");
}

InfoResult collect(const InfoOptions& options) {
  const SystemFiles files(options.root);
  InfoResult result;
  result.machine = read_machine(files);
  if (files.is_this_machine()) result.probes = run_probes(huge_size_of(result.machine));
  result.advice = advise(result.machine, result.probes);
  return result;
}

int run_info(const InfoOptions& options) {
  report_file_size_limit();
  require_root(options.root);
  require_writable(options.json);
  const InfoResult result = collect(options);
  text_stream(options.json) << info_text(result);
  if (!options.json.empty()) write_json(options.json, info_json(result));
  for (const Advice& advice : result.advice) {
    if (advice.level == AdviceLevel::kNeeded) {
      throw ToolError(ExitCode::kMachineLacks, advice.subject, advice.buys);
    }
  }
  return to_int(ExitCode::kDone);
}

}  // namespace

void register_info(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* verb = app.add_subcommand("info", "What this machine offers, and what to change");
  add_output_option(*verb, "--json", options->json,
                    "Write the facts to FILE as JSON; - is stdout, the text then goes to stderr");
  verb->add_option("--root", options->root,
                   "Read /proc and /sys below DIR, a copy of another machine's; nothing is tried")
      ->type_name("DIR");
  verb->callback([&chosen, options] {
    chosen = [options] {
      return run_info(*options);
    };
  });
}

}  // namespace vc::tool
