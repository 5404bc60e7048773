// print.h — the facts, tries and advice of `vcompound info` as text and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/vcompound/info/advice.h"
#include "tools/vcompound/info/machine.h"
#include "tools/vcompound/info/probes.h"

namespace vc::tool {

/// All that `info` found out.
struct InfoResult {
  Machine machine;
  Probes probes;
  std::vector<Advice> advice;
};

/// Sections of aligned lines, then the advice; ends in a newline.
std::string info_text(const InfoResult& result);

/// The same as JSON; keys are listed in vcompound-info(1). Unknown facts are null.
nlohmann::json info_json(const InfoResult& result);

}  // namespace vc::tool
