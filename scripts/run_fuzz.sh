#!/usr/bin/env bash
# Runs one libFuzzer target over its corpus, then over new inputs.
#
# Usage: run_fuzz.sh PROGRAM RUNS [SECONDS]
#
# New inputs go to build/fuzz/new/NAME, an input that fails to build/fuzz/found/NAME-…; copy the
# latter into tests/fuzz/corpus/NAME without its _fuzz, so that every later test run replays it.
# RUNS -1: no limit.
set -euo pipefail
program=$1 runs=$2 seconds=${3:-30}
cd "$(dirname "$0")/.."
name=$(basename "$program")
corpus=tests/fuzz/corpus/${name%_fuzz}
mkdir -p "build/fuzz/new/$name" build/fuzz/found
folders=("build/fuzz/new/$name")
if [[ -d $corpus ]]; then folders+=("$corpus"); fi

steady=()
if setarch -R true 2> /dev/null; then steady=(setarch -R); fi
exec "${steady[@]}" "$program" -seed=1 -runs="$runs" -max_total_time="$seconds" -timeout=20 \
  -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$name-" \
  "${folders[@]}"
