// output_file.h — result files: written beside their place and renamed into it, so that a reader
// never sees half a file and a failed run leaves the old one.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace vc::tool {

/// Throws a ToolError (kUsage) when `path` cannot be written: call it before long work, so that an
/// unwritable path fails at once and not at the end. Nothing is left behind. An empty path (no
/// file wanted) and "-" (stdout) are fine.
void require_writable(const std::string& path);

/// Writes `content` to `path`, replacing what is there in one step; a device or pipe is written
/// directly, a symbolic link keeps pointing. "-" is stdout. Throws a ToolError (kUsage) that names
/// the path and the system's reason.
void write_file(const std::string& path, std::string_view content);

/// Writes `value` to `path` as indented JSON with a newline at the end, as write_file does. Bytes
/// that are not UTF-8 are replaced by U+FFFD.
void write_json(const std::string& path, const nlohmann::json& value);

/// Where a verb prints its text: stderr when the JSON goes to stdout ("-"), else stdout.
std::ostream& text_stream(const std::string& json_path);

}  // namespace vc::tool
