#!/usr/bin/env bash
# check_style.sh must accept a clean tree and report each kind of violation.
set -euo pipefail
. "$(dirname "$0")/expect.sh"

tree=$scratch/tree
fresh_tree() {
  rm -rf "$tree"
  mkdir -p "$tree/src" "$tree/tests"
  printf '// A header.\n#pragma once\n' > "$tree/src/a.h"
  printf '# Notes\n' > "$tree/README.md"
}
with() {
  fresh_tree
  printf '%s\n' "$2" >> "$tree/$1"
}
check() { bash "$root/scripts/check_style.sh" "$tree"; }

fresh_tree
expect_clean "a clean tree" check

word=TOD
with src/a.h "// ${word}O: more"
expect_report "a note of unfinished work" "src/a.h:3:" check

with README.md "This is not ""implemented."
expect_report "a missing feature" "README.md:2:" check

with src/a.h "inline void f() { usleep""(3); }"
expect_report "a sleep" "wait for an event" check

with src/a.h "int a;  "
expect_report "a trailing space" "trailing space" check

with README.md "See $(cd "$scratch" && pwd -P)/tree/src."
expect_report "a path of this machine" "a path of this machine" check

fresh_tree
printf '#pragma once\n' > "$tree/src/a.h"
expect_report "a file without a header comment" "does not start with a comment" check

fresh_tree
printf '// A header.\n' > "$tree/src/a.h"
expect_report "a header without a guard" "no #pragma once" check

fresh_tree
for ((i = 0; i < 500; ++i)); do echo "// $i"; done >> "$tree/src/a.h"
expect_report "a long file" "502 lines" check
printf -- '- `src/a.h`: generated\n' > "$tree/CONTRIBUTING.md"
expect_clean "a long file with an exception" check

finish
