// The boot parameters: words of the command line.
//
//   policy=preferred|contiguous_only   what `preferred` requests become (default: preferred)
//   always_map=yes|every:N|P%|site:FILE   forced fallback (F11); sites may be given several times
//   fragment=P%:SIZE[:SEED]            before the drivers start, fill memory with blocks of SIZE
//   and
//                                      free P % of them at random
//   stack=SIZE                         of kernel threads, 8k to 256k (default 16k)
//   memory=SIZE                        use no more than that much memory
//   memmap=START:SIZE:TYPE,...         instead of the loader's memory map (tests; TYPE 1 is RAM)
//   hot_add=SIZE                       keep that much memory back, to be hot-added later
//   rings=N, mtu=N                     descriptors per ring of the network card; its largest packet
//   test=PATTERN, bench=PATTERN, run=network   what to do after boot; patterns have * and ,
//
// A word that is not one of these is refused: a mistyped parameter must not be a quiet nothing.
#pragma once

#include <cstdint>

#include "vcompound/base/units.h"
#include "vcompound/compound/trigger.h"

namespace vc::kernel {

enum class Policy : std::uint8_t { preferred, contiguous_only };

/// The parameters, with their defaults. Strings point into the command line.
struct Parameters {
  static constexpr std::uint32_t kMaxSites = 8;

  Policy policy = Policy::preferred;
  Trigger always_map{};
  const char* forced_sites[kMaxSites] = {};  ///< ends of file names
  std::uint32_t forced_site_count = 0;
  std::uint32_t fragment_permille = 0;  ///< 0: do not fragment
  Bytes fragment_block{};
  std::uint64_t fragment_seed = 1;
  Bytes stack{16384};
  Bytes memory_limit{};  ///< 0: no limit
  Bytes hot_add{};
  const char* memory_map = nullptr;  ///< as given; kernel/memory reads it
  const char* test = nullptr;
  const char* bench = nullptr;
  const char* run = nullptr;
  std::uint32_t rings = 0;  ///< descriptors per ring of the network card; 0: its default
  std::uint32_t mtu = 0;    ///< 0: its default
};

/// What was wrong with a command line: the word, and what is expected; empty if nothing was.
struct ParameterError {
  const char* word = nullptr;
  const char* expected = nullptr;

  bool ok() const { return word == nullptr; }
};

/// Reads a command line, which is cut into words in place and must stay. Pure.
ParameterError parse_parameters(char* command_line, Parameters& parameters);

/// The parameters of this boot, once set_parameters() was called; the defaults before.
const Parameters& parameters();
void set_parameters(const Parameters& parameters);

}  // namespace vc::kernel
