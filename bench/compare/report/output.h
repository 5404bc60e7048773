// What the comparison leaves behind: JSON, Markdown and one HTML page, from the same sections.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/compare/report/goals.h"
#include "bench/compare/report/results.h"
#include "bench/compare/report/sections.h"

namespace vc::compare {

/// Everything there is: facts, versions, rows with all figures, goals.
nlohmann::ordered_json to_json(const Results& results, const std::vector<GoalResult>& goals);

/// The tables for a text, without the marker comments.
std::string to_markdown(const Results& results, const std::vector<GoalResult>& goals,
                        const std::vector<Section>& sections);

/// `page` with what stands between the marker comments replaced by `tables`. Throws BrokenInput
/// when the comments are not there.
std::string with_tables(const std::string& page, const std::string& tables);

/// The page.
std::string to_html(const Results& results, const std::vector<GoalResult>& goals,
                    const std::vector<Section>& sections);

/// The content of a drawing's SVG file.
std::string to_svg(const Drawing& drawing);

/// "17 of 20 goals met".
std::string summary_line(const std::vector<GoalResult>& goals);

/// How figures are to be read, one paragraph each.
std::vector<std::string> how_to_read();

/// The facts about machine and run, and the version of each peer: name, text.
std::vector<std::pair<std::string, std::string>> facts_to_show(const Results& results);

}  // namespace vc::compare
