#!/usr/bin/env bash
# The published fragmentation experiment on this machine's memory, then the bundled traces; ends
# with the tables and the report's path.
#
# Usage: run.sh [OPTIONS OF vcompound availability…]
#
# VCOMPOUND: the program, VCOMPOUND_RUN_DIR: where results go, VCOMPOUND_TRACES: the folder of the
# traces; each has a default in this repository. The exit status is the last that was not 0.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${VCOMPOUND:-build/release/bin/vcompound}
results=${VCOMPOUND_RUN_DIR:-build/run}
traces=${VCOMPOUND_TRACES:-traces}
if [[ ! -x $program ]]; then
  echo "run.sh: $program is not there; run make first" >&2
  exit 2
fi
mkdir -p "$results"
report=$results/report.html
status=0

"$program" availability --budget 3.5GiB --block 32KiB --freed 0.968 \
  --json "$results/availability.json" --report "$report" "$@" | sed '/^Report: /d' || status=$?

shopt -s nullglob
recorded=("$traces"/*.csv "$traces"/*.csv.zst)
if ((${#recorded[@]} > 0)) && [[ -s $results/availability.json ]]; then
  echo
  "$program" replay "${recorded[@]}" --tightest --with-availability "$results/availability.json" \
    --json "$results/replay.json" --report "$report" | sed '/^Report: /d' || status=$?
fi

echo
echo "report: $(realpath "$report")"
exit "$status"
