#!/usr/bin/env bash
# Runs every benchmark program, then compares: writes build/bench/summary.json and prints a table.
#
# Usage: bench.sh [OPTIONS OF Google Benchmark…]   (for example --benchmark_filter=^mapped)
#
# Each program writes build/bench/results/NAME.json. Exit status: 0 all figures are there (goals met
# or not), 1 a figure is missing, 2 bad usage, 3 a program is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
results=build/bench/results
programs=(build/bench/bench/*_bench)
if ((${#programs[@]} == 0)); then
  echo "bench: no benchmark program was built" >&2
  exit 3
fi
rm -rf "$results"
mkdir -p "$results"
load_before=$(cut -d ' ' -f 1-3 /proc/loadavg)

run() { # run NAME PROGRAM OPTIONS…
  local name=$1
  shift
  echo "==> $name"
  "$@" --benchmark_out="$results/$name.json" --benchmark_out_format=json \
    > "$results/$name.txt" 2> "$results/$name.log" || {
    local status=$?
    cat "$results/$name.txt" "$results/$name.log"
    exit "$status"
  }
}

for program in "${programs[@]}"; do run "$(basename "$program")" "$program" "$@"; done

version() { dpkg-query -W -f='${Version}' "$1" 2> /dev/null || echo unknown; }
build/bench/bench/bench_summary --out build/bench/summary.json \
  --fact "date=$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
  --fact "load_average_before=$load_before" \
  --fact "compiler=$(g++ --version | head -n 1)" \
  --fact "libbenchmark=$(version libbenchmark1debian)" \
  --fact "libc6=$(version libc6)" \
  "$results"/*.json
echo "build/bench/summary.json"
