#!/usr/bin/env bash
# Records every bundled trace anew, then prints the table of README.md.
source "$(dirname "$0")/common.sh"
for script in "$traces"/record_*.sh; do
  [[ $script == */record_all.sh ]] || bash "$script"
done
"$(dirname "$vcompound")/vcompound-trace-stats" "${TRACE_DIR:-$traces}"/*.csv.zst
