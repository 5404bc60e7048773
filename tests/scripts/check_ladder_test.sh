#!/usr/bin/env bash
# check_ladder.sh must accept a clean tree and report each kind of violation.
set -euo pipefail
. "$(dirname "$0")/expect.sh"

tree=$scratch/tree
fresh_tree() {
  rm -rf "$tree"
  mkdir -p "$tree/src/vcompound"/{base,frame,platform/linux,api/include/vcompound}
  cp "$root/src/vcompound/README.md" "$tree/src/vcompound/"
  printf '#pragma once\n#include <cstdint>\n' > "$tree/src/vcompound/base/units.h"
  printf '#pragma once\n#include "vcompound/base/units.h"\n' > "$tree/src/vcompound/frame/frame.h"
  printf '#include <sys/mman.h>\n#include "vcompound/base/units.h"\n#ifdef __x86_64__\n#endif\n' \
    > "$tree/src/vcompound/platform/linux/backing.cc"
  printf '#pragma once\n#include "vcompound/base/units.h"\n' \
    > "$tree/src/vcompound/api/include/vcompound/arena.h"
}

# with FILE LINE: appends the line to a file of a fresh tree.
with() {
  fresh_tree
  printf '%s\n' "$2" >> "$tree/src/vcompound/$1"
}
check() { bash "$root/scripts/check_ladder.sh" "$tree"; }

fresh_tree
expect_clean "a clean tree" check

with base/units.h '#include "vcompound/frame/frame.h"'
expect_report "an upward include" "src/vcompound/base/units.h:3: base must not include frame" check

with frame/frame.h '#include <vcompound/platform/linux/backing.cc>'
expect_report "an upward include in angle brackets" "must not include platform/linux" check

with base/units.h '#include <vcompound/arena.h>'
expect_report "a public header from below" "base must not include api/include" check

with base/units.h '#include <vector>'
expect_report "a hosted standard header" "<vector> in the freestanding folder base" check

with frame/frame.h '  #  include <sys/mman.h>'
expect_report "a system header" "<sys/mman.h> in the freestanding folder frame" check

with frame/frame.h '#if defined(__linux__)'
expect_report "an operating system test" "a test for an operating system or a processor" check

with frame/frame.h '#elif __aarch64__'
expect_report "a processor test" "a test for an operating system or a processor" check

with frame/frame.h '#include "frame.h"'
expect_report "an include that is not from the root" '"frame.h" names no file below src' check

with frame/frame.h '#include "vcompound/base/absent.h"'
expect_report "an include of a file that is not there" "names no file below src" check

fresh_tree
mkdir "$tree/src/vcompound/extra"
echo '#pragma once' > "$tree/src/vcompound/extra/extra.h"
expect_report "a folder without a row" "its folder has no row in the ladder" check

fresh_tree
sed -i 's/^base  .*$/base : freestanding : frame/' "$tree/src/vcompound/README.md"
expect_report "a row that names a row below it" "does not stand above it" check

fresh_tree
sed -i 's/^base  .*$/base : anything :/' "$tree/src/vcompound/README.md"
expect_report "a row of an unknown kind" "it must be freestanding or hosted" check

finish
