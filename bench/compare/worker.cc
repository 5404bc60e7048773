// compare_worker: one row, one peer, once. scripts/compare.sh calls it over and over.
//
// Usage: compare_worker --row NAME --peer NAME [--seed N] [--quick]
//        compare_worker --list          rows, peers and repetitions, one "row peer n" a line
//        compare_worker --describe      every row's title and text, as JSON
//        compare_worker --touch KIB     writes to each page of so much fresh memory, and ends
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bench/compare/row.h"

namespace vc::compare {

namespace {

void print(const nlohmann::ordered_json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

/// jemalloc, mimalloc and tcmalloc want more static thread-local storage than glibc sets aside for
/// libraries that are loaded late; it changes nothing else in glibc.
constexpr const char* kThreadStorage = "glibc.rtld.optional_static_tls=16384";
/// malloc asks for transparent huge pages: for the peers of glibc that are named here.
constexpr const char* kHugePages = ":glibc.malloc.hugetlb=1";
constexpr const char* kHugePeers[] = {"glibc_thp", "glibc_thp_kept", "glibc_aligned"};

/// glibc reads its settings at the start of a process, so they are made and the program starts once
/// more.
void restart_with_tunables(char** argv) {
  std::string settings = kThreadStorage;
  for (char** word = argv; *word != nullptr; ++word) {
    for (const char* peer : kHugePeers) {
      if (std::strcmp(*word, peer) == 0) settings += kHugePages;
    }
  }
  const char* old = std::getenv("GLIBC_TUNABLES");
  if (old != nullptr && std::strstr(old, settings.c_str()) != nullptr) return;
  const std::string all = old == nullptr ? settings : std::string(old) + ":" + settings;
  setenv("GLIBC_TUNABLES", all.c_str(), 1);
  execv("/proc/self/exe", argv);
}

void list() {
  for (const std::string& name : row_names()) {
    const RowDefinition& row = *find_row(name);
    for (const std::string& peer : row.peers) {
      std::printf("%s %s %u\n", name.c_str(), peer.c_str(), row.repetitions);
    }
  }
}

void describe() {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& name : row_names()) {
    const RowDefinition& row = *find_row(name);
    all.push_back({{"row", name},
                   {"title", row.title},
                   {"what", row.what},
                   {"peers", row.peers},
                   {"repetitions", row.repetitions}});
  }
  std::printf("%s\n", all.dump(2).c_str());
}

/// 0: every page was written once; 1: the system refused the memory.
int touch(std::uint64_t kib) {
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t size = kib * 1024;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return 1;
  for (std::uint64_t at = 0; at < size; at += kPage) static_cast<volatile char*>(memory)[at] = 1;
  return 0;
}

}  // namespace

Case size_case(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::uint64_t n = bytes;
  std::size_t unit = 0;
  for (; n >= 1024 && n % 1024 == 0 && unit < 4; ++unit) n /= 1024;
  return {std::to_string(n) + " " + kUnits[unit], static_cast<double>(bytes)};
}

void Sink::figure(const Case& where, const char* metric, const char* unit, double value) {
  print({{"row", row_},
         {"case", where.name},
         {"at", where.at},
         {"peer", peer_},
         {"metric", metric},
         {"unit", unit},
         {"value", value}});
}

void Sink::cannot(const Case& where, const char* metric, const std::string& reason) {
  print({{"row", row_},
         {"case", where.name},
         {"at", where.at},
         {"peer", peer_},
         {"metric", metric},
         {"cannot", reason}});
}

void Sink::fact(const char* name, const std::string& value) {
  print({{"row", row_}, {"peer", peer_}, {"fact", name}, {"text", value}});
}

}  // namespace vc::compare

int main(int argc, char** argv) {
  using namespace vc::compare;
  restart_with_tunables(argv);
  CLI::App app("One row of the comparison with one peer, once.");
  std::string row_name;
  std::string peer;
  std::uint64_t seed = 1;
  bool quick = false;
  bool wants_list = false;
  bool wants_description = false;
  std::uint64_t touched_kib = 0;
  app.add_option("--row", row_name, "what to measure");
  app.add_option("--peer", peer, "with what");
  app.add_option("--seed", seed, "of everything drawn at random");
  app.add_flag("--quick", quick, "few and small cases: a test of the machinery");
  app.add_flag("--list", wants_list, "rows, peers and repetitions");
  app.add_flag("--describe", wants_description, "what the rows are");
  app.add_option("--touch", touched_kib, "write to each page of so many KiB, and end");
  CLI11_PARSE(app, argc, argv);
  if (wants_list) return list(), 0;
  if (wants_description) return describe(), 0;
  if (touched_kib != 0) return touch(touched_kib);
  const RowDefinition* row = find_row(row_name);
  if (row == nullptr) {
    std::fprintf(stderr, "compare_worker: no row '%s'; --list shows them\n", row_name.c_str());
    return 2;
  }
  Sink sink(row_name, peer);
  row->run({.peer = peer, .quick = quick, .seed = seed, .out = sink});
  return 0;
}
