// options.cc — options that take sizes, ratios, counts and output paths.
#include "tools/vcompound/common/options.h"

#include <array>
#include <cstdio>

#include "tools/vcompound/common/sizes.h"
#include "tools/vcompound/common/text_table.h"

namespace vc::tool {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& error) {
  throw CLI::ValidationError(name, printable(error));
}

/// The longest of "-b,--budget", for messages.
std::string long_name(const std::string& name) { return name.substr(name.rfind(',') + 1); }

template <typename T>
T value_or_refuse(const std::string& name, Parsed<T> parsed) {
  if (!parsed.value) refuse(name, parsed.error);
  return std::move(*parsed.value);
}

using Format = std::string (*)(std::uint64_t);

void require_limits(const std::string& name, std::uint64_t value, Limits limits, Format format) {
  if (value < limits.least) {
    refuse(name, format(value) + " is too small; the least is " + format(limits.least));
  }
  if (value > limits.most) {
    refuse(name, format(value) + " is too large; the most is " + format(limits.most));
  }
}

std::string list_text(const std::vector<std::uint64_t>& sizes) {
  std::string out;
  for (const std::uint64_t size : sizes) out += (out.empty() ? "" : ",") + format_bytes_exact(size);
  return out;
}

std::string ratio_text(double ratio) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%g", ratio);
  return buffer.data();
}

CLI::Option* finish(CLI::Option* option, const std::string& type, const std::string& shown) {
  option->type_name(type)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (!shown.empty()) option->default_str(shown);
  return option;
}

}  // namespace

CLI::Option* add_bytes_option(CLI::App& verb, const std::string& name, std::uint64_t& target,
                              const std::string& description, Limits limits) {
  const auto read = [&target, limits, shown = long_name(name)](const std::string& text) {
    const std::uint64_t value = value_or_refuse(shown, parse_bytes(text));
    require_limits(shown, value, limits, format_bytes_exact);
    target = value;
  };
  return finish(verb.add_option_function<std::string>(name, read, description), "SIZE",
                target == 0 ? "" : format_bytes_exact(target));
}

CLI::Option* add_bytes_list_option(CLI::App& verb, const std::string& name,
                                   std::vector<std::uint64_t>& target,
                                   const std::string& description, Limits limits) {
  const auto read = [&target, limits, shown = long_name(name)](const std::string& text) {
    std::vector<std::uint64_t> sizes = value_or_refuse(shown, parse_bytes_list(text));
    for (const std::uint64_t size : sizes) require_limits(shown, size, limits, format_bytes_exact);
    target = std::move(sizes);
  };
  return finish(verb.add_option_function<std::string>(name, read, description), "SIZE,...",
                list_text(target));
}

CLI::Option* add_ratio_option(CLI::App& verb, const std::string& name, double& target,
                              const std::string& description) {
  const auto read = [&target, shown = long_name(name)](const std::string& text) {
    target = value_or_refuse(shown, parse_ratio(text));
  };
  return finish(verb.add_option_function<std::string>(name, read, description), "RATIO",
                ratio_text(target));
}

CLI::Option* add_count_option(CLI::App& verb, const std::string& name, std::uint64_t& target,
                              const std::string& description, Limits limits) {
  const auto read = [&target, limits, shown = long_name(name)](const std::string& text) {
    const std::uint64_t value = value_or_refuse(shown, parse_count(text));
    require_limits(shown, value, limits,
                   [](std::uint64_t number) { return std::to_string(number); });
    target = value;
  };
  return finish(verb.add_option_function<std::string>(name, read, description), "N",
                std::to_string(target));
}

CLI::Option* add_output_option(CLI::App& verb, const std::string& name, std::string& target,
                               const std::string& description, StdoutPath stdout_path) {
  const auto read = [&target, stdout_path, shown = long_name(name)](const std::string& text) {
    if (text.empty()) refuse(shown, "the path is empty; name a file");
    if (text == "-" && stdout_path == StdoutPath::kRefused) {
      refuse(shown, "stdout (\"-\") is not possible here; name a file");
    }
    target = text;
  };
  return finish(verb.add_option_function<std::string>(name, read, description), "FILE", "");
}

}  // namespace vc::tool
