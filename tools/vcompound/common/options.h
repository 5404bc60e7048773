// options.h — options that take sizes, ratios and counts, with one wording of their errors.
//
// Each adds an option to a verb, shows the present value of `target` as the default in --help, and
// on a bad text ends with exit code 2 and an error that says what is wrong and what would be right.
// `target` must outlive the parsing (verbs keep their options in a shared_ptr).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace vc::tool {

/// The least and the most a number option accepts, both inclusive.
struct Limits {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

/// A size in bytes: --budget 3.5GiB. Without a default when `target` is 0.
CLI::Option* add_bytes_option(CLI::App& verb, const std::string& name, std::uint64_t& target,
                              const std::string& description, Limits limits = {});

/// Sizes with commas between them: --sizes 1MiB,2MiB,4MiB. Each obeys `limits`.
CLI::Option* add_bytes_list_option(CLI::App& verb, const std::string& name,
                                   std::vector<std::uint64_t>& target,
                                   const std::string& description, Limits limits = {});

/// A ratio from 0 to 1: --freed 0.968 or --freed 96.8%.
CLI::Option* add_ratio_option(CLI::App& verb, const std::string& name, double& target,
                              const std::string& description);

/// A whole number: --seed 42.
CLI::Option* add_count_option(CLI::App& verb, const std::string& name, std::uint64_t& target,
                              const std::string& description, Limits limits = {});

/// A path for results: "-" is stdout when `stdout_allowed`. Refuses an empty text.
enum class StdoutPath { kAllowed, kRefused };
CLI::Option* add_output_option(CLI::App& verb, const std::string& name, std::string& target,
                               const std::string& description,
                               StdoutPath stdout_path = StdoutPath::kAllowed);

}  // namespace vc::tool
