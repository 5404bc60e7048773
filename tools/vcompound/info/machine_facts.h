// machine_facts.h — this machine in the title block of a report.
#pragma once

#include "tools/vcompound/report/report.h"

namespace vc::tool {

/// Adds what a reader must know about the machine to judge the figures: kernel, CPUs, memory, huge
/// page modes, mapping limit, version of the program.
void add_machine_facts(Report& report);

}  // namespace vc::tool
