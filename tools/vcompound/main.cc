// main.cc — the program `vcompound`: the list of its verbs.
#include <array>

#include "tools/vcompound/availability/availability.h"
#include "tools/vcompound/common/program.h"
#include "tools/vcompound/info/info.h"
#include "tools/vcompound/record.h"
#include "tools/vcompound/replay/replay.h"

int main(int argc, char** argv) {
  constexpr auto kVerbs = std::to_array<vc::tool::RegisterVerb>({
      vc::tool::register_availability,
      vc::tool::register_record,
      vc::tool::register_replay,
      vc::tool::register_info,
  });
  return vc::tool::run_program(argc, argv, kVerbs);
}
