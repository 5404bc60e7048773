#!/usr/bin/env bash
# clang-tidy over the sources, two at a time, with the compile commands of the preset clang.
#
# Usage: run_tidy.sh core|all [FILE…]
#
#   core   base, frame, buddy, vmap, compound, platform/x86_64
#   all    everything below src, kernel, tools and examples
# Exit status: 0 clean, 1 findings, 2 bad usage, 3 clang-tidy is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
case $what in
  core) folders=(src/vcompound/{base,frame,buddy,vmap,compound,platform/x86_64}) ;;
  all) folders=(src kernel tools examples) ;;
  *) echo "run_tidy: '$what' is neither core nor all" >&2; exit 2 ;;
esac
shift || true

tidy=$(command -v clang-tidy-14 || command -v clang-tidy || true)
if [[ -z $tidy ]]; then
  echo "run_tidy: clang-tidy is missing; install it: apt-get install clang-tidy" >&2
  exit 3
fi

cmake --preset clang > /dev/null
if (($# > 0)); then
  files=("$@")
else
  mapfile -t files < <(find "${folders[@]}" -name '*.cc' | LC_ALL=C sort)
fi
status=0
output=$(printf '%s\0' "${files[@]}" |
  xargs -0 -P "$(nproc)" -n 1 "$tidy" -p build/clang --quiet 2>&1) || status=1
grep -vE '^[0-9]+ (warning|error)s? (generated|treated)|^Suppressed |^Use -header-filter|^$' \
  <<< "$output" || true
((status == 0)) || exit 1
echo "run_tidy: ${#files[@]} files, clean"
