#include "kernel/parameters.h"

namespace vc::kernel {

namespace {

constinit Parameters of_this_boot;

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

/// Reads decimal digits and moves past them; false if there are none, or too many.
bool read_number(const char*& at, std::uint64_t& value) {
  const char* start = at;
  value = 0;
  for (; *at >= '0' && *at <= '9'; ++at) {
    if (at - start == 18) return false;
    value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  return at != start;
}

/// "96" or "96.8" as 960 or 968, then a percent sign.
bool read_permille(const char*& at, std::uint64_t& permille) {
  if (!read_number(at, permille) || permille > 100) return false;
  permille *= 10;
  if (*at == '.') {
    ++at;
    if (*at < '0' || *at > '9') return false;
    permille += static_cast<std::uint64_t>(*at++ - '0');
  }
  return *at++ == '%' && permille <= 1000;
}

/// "16k", "32M", "1G", or bytes.
bool read_size(const char*& at, Bytes& size) {
  std::uint64_t number = 0;
  if (!read_number(at, number) || number >> 40 != 0) return false;
  std::uint32_t shift = 0;
  switch (*at) {
    case 'k':
    case 'K': shift = 10; break;
    case 'm':
    case 'M': shift = 20; break;
    case 'g':
    case 'G': shift = 30; break;
    default: break;
  }
  if (shift != 0) ++at;
  if (shift != 0 && number >> 20 != 0) return false;
  size = Bytes(number << shift);
  return true;
}

/// The whole text is a size.
bool is_size(const char* text, Bytes& size) { return read_size(text, size) && *text == '\0'; }

bool is_count(const char* text, std::uint32_t least, std::uint32_t most, std::uint32_t& count) {
  std::uint64_t number = 0;
  if (!read_number(text, number) || *text != '\0' || number < least || number > most) return false;
  count = static_cast<std::uint32_t>(number);
  return true;
}

// One function per parameter: reads its value, or says no.

bool set_policy(const char* value, Parameters& p) {
  if (equal(value, "preferred")) {
    p.policy = Policy::preferred;
  } else if (equal(value, "contiguous_only")) {
    p.policy = Policy::contiguous_only;
  } else {
    return false;
  }
  return true;
}

bool add_forced_site(const char* file, Parameters& p) {
  if (*file == '\0' || p.forced_site_count == Parameters::kMaxSites) return false;
  p.forced_sites[p.forced_site_count++] = file;
  return true;
}

/// What follows `prefix` in a text; nullptr if it does not begin so.
const char* after(const char* text, const char* prefix) {
  while (*prefix != '\0') {
    if (*text++ != *prefix++) return nullptr;
  }
  return text;
}

bool set_always_map(const char* value, Parameters& p) {
  if (equal(value, "yes")) {
    p.always_map = Trigger::always();
    return true;
  }
  if (equal(value, "no")) {
    p.always_map = Trigger::off();
    return true;
  }
  if (const char* file = after(value, "site:")) return add_forced_site(file, p);
  if (const char* n = after(value, "every:")) {
    std::uint32_t count = 0;
    if (!is_count(n, 1, 1'000'000'000, count)) return false;
    p.always_map = Trigger::every(count);
    return true;
  }
  std::uint64_t permille = 0;
  if (!read_permille(value, permille) || *value != '\0') return false;
  p.always_map = Trigger::per_mille(static_cast<std::uint32_t>(permille));
  return true;
}

bool set_fragment(const char* value, Parameters& p) {
  std::uint64_t permille = 0;
  Bytes block{};
  if (!read_permille(value, permille) || *value++ != ':' || !read_size(value, block)) return false;
  if (block.value < 4096 || block.value > 64ULL << 20 || block.value % 4096 != 0) return false;
  if (*value == ':' && !read_number(++value, p.fragment_seed)) return false;
  p.fragment_permille = static_cast<std::uint32_t>(permille);
  p.fragment_block = block;
  return *value == '\0';
}

bool set_stack(const char* value, Parameters& p) {
  return is_size(value, p.stack) && p.stack.value >= 8U << 10 && p.stack.value <= 256U << 10 &&
         p.stack.value % 4096 == 0;
}

bool set_memory(const char* value, Parameters& p) { return is_size(value, p.memory_limit); }
bool set_hot_add(const char* value, Parameters& p) {
  return is_size(value, p.hot_add) && p.hot_add.value % (2U << 20) == 0;
}
bool set_rings(const char* value, Parameters& p) {
  return is_count(value, 8, 4096, p.rings) && p.rings % 8 == 0;
}
bool set_mtu(const char* value, Parameters& p) { return is_count(value, 576, 16110, p.mtu); }

bool set_text(const char* value, const char*& text) {
  text = value;
  return *value != '\0';
}
bool set_memory_map(const char* value, Parameters& p) { return set_text(value, p.memory_map); }
bool set_test(const char* value, Parameters& p) { return set_text(value, p.test); }
bool set_bench(const char* value, Parameters& p) { return set_text(value, p.bench); }
bool set_run(const char* value, Parameters& p) {
  return equal(value, "network") && set_text(value, p.run);
}

struct Known {
  const char* name;
  bool (*set)(const char* value, Parameters& parameters);
  const char* expected;
};

constexpr Known kKnown[] = {
    {"policy=", set_policy, "policy=preferred or policy=contiguous_only"},
    {"always_map=", set_always_map,
     "always_map=yes, no, every:N, P% or site:FILE (at most 8 sites)"},
    {"fragment=", set_fragment,
     "fragment=P%:SIZE[:SEED], P up to 100 with one digit after the point, SIZE whole pages from "
     "4k to 64M"},
    {"stack=", set_stack, "stack=SIZE, whole pages from 8k to 256k"},
    {"memory=", set_memory, "memory=SIZE, such as 512M"},
    {"memmap=", set_memory_map, "memmap=START:SIZE:TYPE,..."},
    {"hot_add=", set_hot_add, "hot_add=SIZE, a multiple of 2M"},
    {"rings=", set_rings, "rings=N, a multiple of 8 from 8 to 4096"},
    {"mtu=", set_mtu, "mtu=N, 576 to 16110"},
    {"test=", set_test, "test=PATTERN, such as test=Conformance*"},
    {"bench=", set_bench, "bench=PATTERN, such as bench=*"},
    {"run=", set_run, "run=network"},
};

ParameterError read_word(const char* word, Parameters& parameters) {
  for (const Known& known : kKnown) {
    const char* value = after(word, known.name);
    if (value == nullptr) continue;
    if (known.set(value, parameters)) return {};
    return {word, known.expected};
  }
  return {word,
          "policy= always_map= fragment= stack= memory= memmap= hot_add= rings= mtu= test= bench= "
          "or run="};
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

}  // namespace

ParameterError parse_parameters(char* command_line, Parameters& parameters) {
  char* at = command_line;
  for (;;) {
    while (is_space(*at)) ++at;
    if (*at == '\0') return {};
    char* word = at;
    while (*at != '\0' && !is_space(*at)) ++at;
    if (*at != '\0') *at++ = '\0';
    const ParameterError error = read_word(word, parameters);
    if (!error.ok()) return error;
  }
}

const Parameters& parameters() { return of_this_boot; }
void set_parameters(const Parameters& parameters) { of_this_boot = parameters; }

}  // namespace vc::kernel
