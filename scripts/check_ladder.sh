#!/usr/bin/env bash
# Fails on an include that the ladder in src/vcompound/README.md does not allow.
#
# Usage: check_ladder.sh [ROOT]      ROOT holds src/vcompound (default: this repository)
#
# Reports, one line each, as FILE:LINE: WHAT:
#   - an include of a folder that the including folder's row does not name
#   - a project include that names no file, or is not written from the root ("vcompound/…")
#   - in a freestanding folder: a header of the system or of the hosted standard library, and an
#     #if on an operating system or a processor
#   - a folder of src/vcompound without a row, and a row that names a row below it
# Exit status: 0 clean, 1 violations, 2 no ladder found.
set -euo pipefail

root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
ladder=$root/src/vcompound/README.md
if [[ ! -f $ladder ]]; then
  echo "check_ladder: $ladder is missing; it must hold the \`\`\`ladder table" >&2
  exit 2
fi

cd "$root/src/vcompound"
mapfile -t files < <(find . -type f \( -name '*.h' -o -name '*.cc' -o -name '*.c' -o -name '*.S' \) |
  sed 's|^\./||' | LC_ALL=C sort)

printf '%s\n' "${files[@]}" | LC_ALL=C awk '
function fail(where, what) { print where ": " what; ++violations }

# The row of a file: the longest ladder entry that is the file or a folder above it.
function row_of(path,   candidate) {
  candidate = path
  while (candidate != "") {
    if (candidate in kind) return candidate
    if (candidate !~ /\//) return ""
    sub(/\/[^\/]*$/, "", candidate)
  }
  return ""
}

function exists(path) { return path in is_file }

# The file, relative to src/vcompound, that an include means; "" when there is none.
function resolve(name,   rest) {
  if (name !~ /^vcompound\//) return ""
  rest = substr(name, 11)
  if (exists(rest)) return rest
  if (exists("api/include/" name)) return "api/include/" name
  return ""
}

function check_include(where, file, from, line,   quote, name, to, target) {
  if (line !~ /^[ \t]*#[ \t]*include[ \t]*[<"]/) {
    fail(where, "the include cannot be read; write #include \"file\" or #include <file>")
    return
  }
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
  quote = substr(line, 1, 1)
  name = substr(line, 2)
  sub(/[>"].*$/, "", name)
  target = resolve(name)
  if (target == "") {
    if (quote == "\"" || name ~ /^vcompound\//) {
      fail(where, "\"" name "\" names no file below src; write it from the root, as \"vcompound/…\"")
    } else if (kind[from] == "freestanding" && !(name in freestanding_header)) {
      fail(where, "<" name "> in the freestanding folder " from \
           "; it depends on the compiler only (see README.md for the allowed headers)")
    }
    return
  }
  to = row_of(target)
  if (to != from && !((from, to) in allowed)) {
    fail(where, from " must not include " (to == "" ? target : to) " (\"" name "\"): the ladder allows " \
         (names[from] == "" ? "nothing below it" : names[from]))
  }
}

function check_file(file,   from, line, number, where) {
  from = row_of(file)
  if (from == "") { fail("src/vcompound/" file, "its folder has no row in the ladder"); return }
  number = 0
  while ((getline line < file) > 0) {
    ++number
    if (line !~ /^[ \t]*#/) continue
    where = "src/vcompound/" file ":" number
    if (line ~ /^[ \t]*#[ \t]*include/) check_include(where, file, from, line)
    if (kind[from] == "freestanding" && line ~ /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)[ \t(!]/ &&
        line ~ system_macro) {
      fail(where, "a test for an operating system or a processor in the freestanding folder " from \
           "; choose the platform by folder")
    }
  }
  close(file)
}

function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }

function read_row(line,   part, name, i, n, list) {
  if (line ~ /^[ \t]*(#|$)/) return
  if (split(line, part, ":") != 3) { fail("README.md", "not a row of the ladder: " line); return }
  name = trim(part[1])
  kind[name] = trim(part[2])
  names[name] = trim(part[3])
  if (kind[name] != "freestanding" && kind[name] != "hosted")
    fail("README.md", name " is \"" kind[name] "\"; it must be freestanding or hosted")
  n = split(names[name], list, /[ \t]+/)
  for (i = 1; i <= n; ++i) {
    if (!(list[i] in kind) || list[i] == name)
      fail("README.md", name " names " list[i] ", which does not stand above it")
    else if (kind[name] == "freestanding" && kind[list[i]] == "hosted")
      fail("README.md", name " is freestanding and names the hosted " list[i])
    allowed[name, list[i]] = 1
  }
}

BEGIN {
  n = split("bit compare concepts cstdarg cstddef cstdint initializer_list limits new " \
            "source_location type_traits utility version stdarg.h stddef.h stdint.h", list, " ")
  for (i = 1; i <= n; ++i) freestanding_header[list[i]] = 1
  system_macro = "(^|[^A-Za-z0-9_])(__linux|__linux__|linux|__gnu_linux__|__unix|__unix__|unix|" \
    "_WIN32|_WIN64|__APPLE__|__MACH__|__FreeBSD__|__NetBSD__|__OpenBSD__|__ANDROID__|__CYGWIN__|" \
    "__MINGW32__|__x86_64|__x86_64__|__amd64|__amd64__|_M_X64|__i386|__i386__|_M_IX86|" \
    "__aarch64__|_M_ARM64|__arm__|__ARM_ARCH|__riscv|__powerpc__|__powerpc64__|__ppc64__|" \
    "__s390x__|__mips__|__loongarch__|__sparc__)([^A-Za-z0-9_]|$)"
  while ((getline line < "README.md") > 0) {
    if (line ~ /^```ladder[ \t]*$/) { inside = 1; found = 1; continue }
    if (line ~ /^```/) inside = 0
    if (inside) read_row(line)
  }
  if (!found) { print "check_ladder: README.md has no ```ladder table"; failed_to_read = 1; exit 2 }
}
$0 != "" { is_file[$0] = 1; order[++count] = $0 }
END {
  if (failed_to_read) exit 2
  for (i = 1; i <= count; ++i) check_file(order[i])
  if (violations) { print "check_ladder: " violations " violation(s)"; exit 1 }
  print "check_ladder: " count " files, no violation"
}'
