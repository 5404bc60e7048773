// The table of settings.
#include "vcompound/api/settings.h"

#include <array>
#include <initializer_list>
#include <limits>

#include "vcompound/api/site_patterns.h"

namespace vc::setting {
namespace {

constexpr std::uint64_t kMostNodes = 8;
constexpr std::uint64_t kMaxValue = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSmallestFrame = std::uint64_t{4} << 10;
constexpr std::uint64_t kLargestFrame = std::uint64_t{1} << 30;

using Failure = std::optional<Expected>;

/// Stores what was read.
template <class T, class Field>
Failure store(Read<T> read, Field& field) {
  if (!read) return read.error();
  field = *read;
  return std::nullopt;
}

/// A word and the value it stands for.
template <class T>
struct Word {
  std::string_view word;
  T value;
};

/// The words of each two- or three-valued option; the first word of a value is the one written.
template <class T>
struct Words;
template <>
struct Words<Backing> {
  static constexpr Word<Backing> kAll[] = {{"memfd", Backing::memfd},
                                           {"hugetlb", Backing::hugetlb}};
};
template <>
struct Words<HugePages> {
  static constexpr Word<HugePages> kAll[] = {{"collapse", HugePages::collapse},
                                             {"never", HugePages::never}};
};
template <>
struct Words<Precommit> {
  static constexpr Word<Precommit> kAll[] = {{"no", Precommit::no}, {"yes", Precommit::yes}};
};
template <>
struct Words<Overcommit> {
  static constexpr Word<Overcommit> kAll[] = {{"no", Overcommit::no}, {"yes", Overcommit::yes}};
};
template <>
struct Words<AfterFork> {
  static constexpr Word<AfterFork> kAll[] = {{"share", AfterFork::share},
                                             {"exclude", AfterFork::exclude}};
};
template <>
struct Words<RunChoice> {
  static constexpr Word<RunChoice> kAll[] = {
      {"longest_first", RunChoice::longest_first},
      {"smallest_sufficient", RunChoice::smallest_sufficient},
      {"smallest_first", RunChoice::smallest_first}};
};
template <>
struct Words<OnMisuse> {
  static constexpr Word<OnMisuse> kAll[] = {
      {"ignore", OnMisuse::ignore}, {"report", OnMisuse::report}, {"abort", OnMisuse::abort}};
};
template <>
struct Words<Echo> {
  static constexpr Word<Echo> kAll[] = {{"no", Echo::no}, {"yes", Echo::yes}};
};

template <class T>
Failure read_word(std::string_view text, T& field) {
  std::string expected;
  for (const Word<T>& known : Words<T>::kAll) {
    if (known.word == text) {
      field = known.value;
      return std::nullopt;
    }
    if (!expected.empty()) expected += " or ";
    expected += known.word;
  }
  return Expected{expected};
}

template <class T>
std::string write_word(T value) {
  for (const Word<T>& known : Words<T>::kAll) {
    if (known.value == value) return std::string(known.word);
  }
  return {};
}

/// An option that is one of a few words.
template <auto Field>
constexpr Setting word_setting(std::string_view key) {
  return {key, [](std::string_view value, ArenaOptions& o) { return read_word(value, o.*Field); },
          [](const ArenaOptions& o) {
            return write_word(o.*Field);
          }};
}

template <auto Field>
constexpr Setting trigger_setting(std::string_view key) {
  return {
      key,
      [](std::string_view value, ArenaOptions& o) { return store(read_trigger(value), o.*Field); },
      [](const ArenaOptions& o) {
        return write_trigger(o.*Field);
      }};
}

/// A size for which 0 means "chosen by the arena", written `auto`.
template <auto Field>
constexpr Setting automatic_size_setting(std::string_view key) {
  return {key,
          [](std::string_view value, ArenaOptions& o) -> Failure {
            Read<Bytes> size = value == "auto" ? Read<Bytes>(Bytes(0)) : read_size(value);
            if (!size) return Expected{size.error().what + ", or auto"};
            o.*Field = *size;
            return std::nullopt;
          },
          [](const ArenaOptions& o) {
            return (o.*Field).value == 0 ? std::string("auto") : write_size(o.*Field);
          }};
}

Failure read_budget(std::string_view value, ArenaOptions& o) {
  Read<Bytes> size = read_size(value);
  if (size && size->value == 0) return Expected{"a size above 0, such as 4GiB"};
  return store(std::move(size), o.budget);
}

std::string write_budget(const ArenaOptions& o) {
  return o.budget.value == 0 ? std::string() : write_size(o.budget);
}

Failure read_frame_size(std::string_view value, ArenaOptions& o) {
  Read<Bytes> size = read_size(value);
  const bool right = size && is_power_of_two(size->value) && size->value >= kSmallestFrame &&
                     size->value <= kLargestFrame;
  if (!right) return Expected{"a power of two from 4KiB to 2MiB (to 1GiB with backing:hugetlb)"};
  o.frame_size = *size;
  return std::nullopt;
}

Failure read_nodes(std::string_view value, ArenaOptions& o) {
  if (value == "all") {
    o.nodes = 0;
    return std::nullopt;
  }
  const Read<std::uint64_t> count = read_count(value, 1, kMostNodes);
  if (!count) return Expected{count.error().what + ", or all"};
  o.nodes = static_cast<std::uint32_t>(*count);
  return std::nullopt;
}

std::string write_nodes(const ArenaOptions& o) {
  return o.nodes == 0 ? "all" : std::to_string(o.nodes);
}

Failure read_mapping_limit(std::string_view value, ArenaOptions& o) {
  Read<std::uint64_t> count =
      value == "auto" ? Read<std::uint64_t>(std::uint64_t{0}) : read_count(value, 1, kMaxValue);
  if (!count) return Expected{count.error().what + ", or auto"};
  o.mapping_limit = *count;
  return std::nullopt;
}

std::string write_mapping_limit(const ArenaOptions& o) {
  return o.mapping_limit == 0 ? "auto" : std::to_string(o.mapping_limit);
}

Failure read_sites(std::string_view value, ArenaOptions& o) {
  const auto patterns = SitePatterns::parse(value);
  if (!patterns) return patterns.error();
  o.always_map_site = std::string(value);
  return std::nullopt;
}

Failure read_warn_above(std::string_view value, ArenaOptions& o) {
  Read<Bytes> size = value == "never" ? Read<Bytes>(kNeverWarn) : read_size(value);
  if (!size) return Expected{size.error().what + ", or never"};
  o.warn_above = *size;
  return std::nullopt;
}

std::string write_warn_above(const ArenaOptions& o) {
  return o.warn_above == kNeverWarn ? "never" : write_size(o.warn_above);
}

constexpr std::array kSettings = {
    Setting{"budget", read_budget, write_budget},
    Setting{"frame_size", read_frame_size,
            [](const ArenaOptions& o) {
              return write_size(o.frame_size);
            }},
    word_setting<&ArenaOptions::backing>("backing"),
    word_setting<&ArenaOptions::huge>("huge"),
    word_setting<&ArenaOptions::precommit>("precommit"),
    word_setting<&ArenaOptions::overcommit>("overcommit"),
    word_setting<&ArenaOptions::after_fork>("after_fork"),
    Setting{"nodes", read_nodes, write_nodes},
    automatic_size_setting<&ArenaOptions::vmap_space>("vmap_space"),
    Setting{"mapping_limit", read_mapping_limit, write_mapping_limit},
    automatic_size_setting<&ArenaOptions::thread_cache>("thread_cache"),
    word_setting<&ArenaOptions::runs>("runs"),
    trigger_setting<&ArenaOptions::always_map>("always_map"),
    Setting{"always_map_site", read_sites,
            [](const ArenaOptions& o) {
              return o.always_map_site;
            }},
    trigger_setting<&ArenaOptions::inject>("inject"),
    Setting{"warn_above", read_warn_above, write_warn_above},
    word_setting<&ArenaOptions::on_misuse>("on_misuse"),
    word_setting<&ArenaOptions::echo>("echo"),
};

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

}  // namespace vc::setting
