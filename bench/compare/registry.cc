// The lists of rows and peers, filled before main() by their registrations.
#include <algorithm>
#include <map>

#include "bench/compare/row.h"

namespace vc::compare {

namespace {

std::map<std::string, PeerOpener>& peers() {
  static std::map<std::string, PeerOpener> all;
  return all;
}

std::map<std::string, RowDefinition>& rows() {
  static std::map<std::string, RowDefinition> all;
  return all;
}

}  // namespace

PeerRegistration::PeerRegistration(const char* name, PeerOpener opener) {
  peers().emplace(name, opener);
}

RowRegistration::RowRegistration(const char* name, RowDefinition definition) {
  rows().emplace(name, std::move(definition));
}

std::vector<std::string> peer_names() {
  std::vector<std::string> names;
  for (const auto& [name, opener] : peers()) names.push_back(name);
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name.starts_with("vcompound"); });
  return names;
}

Opened open_peer(const std::string& name, const Setting& setting) {
  const auto found = peers().find(name);
  if (found == peers().end()) return "this build has no peer '" + name + "'";
  return found->second.open(setting);
}

const RowDefinition* find_row(const std::string& name) {
  const auto found = rows().find(name);
  return found == rows().end() ? nullptr : &found->second;
}

std::vector<std::string> row_names() {
  std::vector<std::string> names;
  for (const auto& [name, definition] : rows()) names.push_back(name);
  return names;
}

bool open_or_say(const Run& run, const Setting& setting, const Case& where, const char* metric,
                 Peer& peer) {
  Opened opened = open_peer(run.peer, setting);
  if (const auto* reason = std::get_if<std::string>(&opened)) {
    run.out.cannot(where, metric, *reason);
    return false;
  }
  peer = std::get<Peer>(std::move(opened));
  run.out.fact("version", peer.version);
  return true;
}

}  // namespace vc::compare
