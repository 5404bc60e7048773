// The text "key:value,key:value" of VCOMPOUND_CONF, read as a whole or not at all.
#include "vcompound/api/configuration.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "vcompound/api/settings.h"

namespace vc {
namespace {

#ifdef VC_ALWAYS_MAP_DEFAULT
constexpr bool kMapByDefault = true;
#else
constexpr bool kMapByDefault = false;
#endif

using setting::quote;
using setting::Setting;

/// The index of a key, or the number of settings.
std::size_t find(std::string_view key) {
  const auto settings = setting::all_settings();
  std::size_t i = 0;
  while (i < settings.size() && settings[i].key != key) ++i;
  return i;
}

std::string unknown_key(std::string_view key) {
  std::vector<std::string_view> keys;
  for (const Setting& known : setting::all_settings()) keys.push_back(known.key);
  std::string message = "configuration: unknown key " + quote(key);
  const std::string_view meant = setting::nearest(key, keys);
  if (!meant.empty()) return message + "; did you mean \"" + std::string(meant) + "\"?";
  message += "; the keys are";
  for (const std::string_view known : keys) {
    message += known == keys.front() ? " " : ", ";
    message += known;
  }
  return message;
}

/// Applies texts to a copy of the options, and remembers which keys were given.
class Reader {
 public:
  explicit Reader(const ArenaOptions& base) : options_(base) {}

  /// Reads one "key:value"; an error message, or nothing if it is right.
  std::string read(std::string_view item) {
    const std::size_t colon = item.find(':');
    const std::string_view key = setting::trim(item.substr(0, colon));
    if (colon == std::string_view::npos) {
      return "configuration: " + quote(item) + " has no value; write key:value";
    }
    const std::size_t index = find(key);
    const auto settings = setting::all_settings();
    if (index == settings.size()) return unknown_key(key);
    if (given_[index])
      return "configuration: " + std::string(key) + " is given twice; give it once";
    given_[index] = true;
    const std::string_view value = setting::trim(item.substr(colon + 1));
    const auto wrong = settings[index].apply(value, options_);
    if (!wrong) return {};
    return "configuration: " + std::string(key) + " must be " + wrong->what + ", not " +
           quote(value);
  }

  ArenaOptions take() { return std::move(options_); }

 private:
  ArenaOptions options_;
  std::vector<bool> given_ = std::vector<bool>(setting::all_settings().size());
};

}  // namespace

Result<ArenaOptions, ConfigurationError> parse_configuration(std::string_view text,
                                                             const ArenaOptions& base) {
  Reader reader(base);
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = setting::trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (item.empty()) continue;  // so that texts can be joined with a comma, whatever they are
    std::string message = reader.read(item);
    if (!message.empty()) return ConfigurationError{std::move(message)};
  }
  return reader.take();
}

std::string to_configuration(const ArenaOptions& options) {
  std::string text;
  for (const Setting& known : setting::all_settings()) {
    const std::string value = known.write(options);
    if (value.empty()) continue;
    if (!text.empty()) text += ',';
    text += known.key;
    text += ':';
    text += value;
  }
  return text;
}

Result<ArenaOptions, ConfigurationError> effective_options(const ArenaOptions& options) {
  ArenaOptions base = options;
  if (kMapByDefault && base.always_map == Trigger::off()) base.always_map = Trigger::always();
  const char* text = secure_getenv(kConfigurationVariable);
  auto result = parse_configuration(text == nullptr ? "" : text, base);
  if (result) return result;
  return ConfigurationError{std::string(kConfigurationVariable) + ": " + result.error().message};
}

void echo_options(const ArenaOptions& options) {
  if (options.echo == Echo::no) return;
  std::fprintf(stderr, "vcompound: settings in force: %s\n", to_configuration(options).c_str());
}

}  // namespace vc
