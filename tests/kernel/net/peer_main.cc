// network_peer: exchanges frames with a kernel in QEMU and judges what comes back. One line of JSON
// on standard output; exit status 0 if all was right, 1 if not, 2 for wrong usage.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/kernel/net/peer.h"

namespace {

nlohmann::json to_json(const vc::peer::Report& r) {
  return {{"ok", r.ok()},
          {"datagrams", r.datagrams},
          {"whole_copies", r.whole_copies},
          {"echoed", r.echoed},
          {"bytes", r.bytes},
          {"missing", r.missing},
          {"wrong", r.wrong},
          {"unexpected", r.unexpected},
          {"damaged_but_right", r.damaged_but_right},
          {"pings", r.pings},
          {"udp_echoes", r.udp_echoes},
          {"dropped", r.faults.dropped},
          {"duplicated", r.faults.duplicated},
          {"reordered", r.faults.reordered},
          {"truncated", r.faults.truncated},
          {"corrupted", r.faults.corrupted},
          {"seconds", r.seconds},
          {"failure", r.failure}};
}

}  // namespace

int main(int argc, char** argv) {
  vc::peer::PeerOptions options;
  CLI::App app("Exchanges raw Ethernet frames with a kernel in QEMU (-netdev dgram)");
  app.add_option("own", options.own_path, "path of this program's socket")->required();
  app.add_option("other", options.other_path, "path of QEMU's socket")->required();
  app.add_option("--frames", options.frames, "datagrams to send")
      ->check(CLI::Range(1U, 1'000'000'000U));
  app.add_option("--mtu", options.mtu, "of the kernel's interface")->check(CLI::Range(576, 16110));
  app.add_option("--window", options.window, "copies under way at once")
      ->check(CLI::Range(1, 4096));
  app.add_option("--seed", options.seed, "of sizes, bytes and faults");
  app.add_option("--patience", options.patience_s, "seconds without progress until giving up");
  const auto rate = [&](const char* name, double& value, const char* what) {
    app.add_option(name, value, what)->check(CLI::Range(0.0, 1.0));
  };
  rate("--drop", options.rates.drop, "share of frames that get lost");
  rate("--duplicate", options.rates.duplicate, "share of frames that are sent twice");
  rate("--reorder", options.rates.reorder, "share of frames that come later");
  rate("--truncate", options.rates.truncate, "share of frames that lose their end");
  rate("--corrupt", options.rates.corrupt, "share of frames of which one byte changes");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  vc::peer::Peer peer(options);
  const vc::peer::Report& report = peer.run();
  std::cout << to_json(report).dump() << '\n';
  return report.ok() ? 0 : 1;
}
