// How figures are written in tables.
#pragma once

#include <string>

namespace vc::compare {

/// A figure in its unit: "17.5 ns", "3.2 ms", "100.0 %", "64 MiB", "1.9 M/s", "0.25".
std::string value_text(double value, const std::string& unit);

/// A quotient: "0.52"; "0.0012" when it is small.
std::string ratio_text(double ratio);

/// A metric's name to read: "page_faults" as "page faults".
std::string metric_text(std::string metric);

/// A text as part of a file name: small letters, digits, and minus between them.
std::string file_part(const std::string& text);

}  // namespace vc::compare
