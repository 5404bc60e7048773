// figures.h — the figures of a replay as text, the same in the table and in the report.
#pragma once

#include <cstdint>
#include <string>

#include "tools/vcompound/replay/comparison.h"

namespace vc::tool {

/// "12.5 us".
std::string time_text(std::uint64_t nanoseconds);
/// The tightest budget, or "-" where it was not looked for or not found.
std::string tightest_text(const PolicyRow& row);
/// The same as a multiple of the trace's peak of live pages: "1.000".
std::string ratio_text(const TraceComparison& comparison, const PolicyRow& row);
/// Contiguous compounds of all that were served, 0 to 1; NaN when nothing was.
double contiguous_share(const PlayResult& played);
/// The same as per cent.
std::string contiguous_text(const PolicyRow& row);

}  // namespace vc::tool
