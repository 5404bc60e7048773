#!/usr/bin/env bash
# The published fragmentation experiment, then the bundled traces; ends with the reports' paths.
#
# Usage: run.sh [OPTIONS OF vcompound availability…]
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/bin/vcompound
reports=build/run
mkdir -p "$reports"

"$program" availability --budget 3.5GiB --block 32KiB --freed 0.968 \
  --json "$reports/availability.json" --report "$reports/availability.html" "$@"

shopt -s nullglob
for trace in traces/*.csv traces/*.csv.zst; do
  name=$(basename "$trace")
  name=${name%%.csv*}
  echo
  echo "== trace $name"
  "$program" replay "$trace" \
    --json "$reports/replay-$name.json" --report "$reports/replay-$name.html"
done

echo
echo "reports:"
for report in "$reports"/*.html; do echo "  $PWD/$report"; done
