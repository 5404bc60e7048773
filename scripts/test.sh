#!/usr/bin/env bash
# Every test, in stages, with one summary at the end.
#
# Usage: test.sh [STAGE…]      (default: all of them, in this order)
#
#   checks      the ladder, style, format
#   tidy        clang-tidy over the core
#   release     build with g++ -O2, all tests
#   always-map  the same programs with the fallback forced (VCOMPOUND_CONF=always_map:yes)
#   asan-ubsan  clang with AddressSanitizer and UBSan, assertions at audit level, all tests
#               (clang compiles this three times as fast as g++, and everything compiles with both)
#   tsan        g++ with ThreadSanitizer, the stress tests
#   fuzz        clang with libFuzzer: each fuzz target runs over its corpus, then shortly on
#
# Each stage writes build/test/STAGE.log. JOBS (default: the number of processors) and FUZZ_RUNS
# (default 20000 inputs per target) are read from the environment. The last line is
# "N passed, N failed, N skipped"; the exit status is 1 when anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
logs=$root/build/test
jobs=${JOBS:-$(nproc)}
fuzz_runs=${FUZZ_RUNS:-20000}
all_stages=(checks tidy release always-map asan-ubsan tsan fuzz)

unset VCOMPOUND_CONF  # the user's own setting must not change what the tests see
mkdir -p "$logs"

passed=0 failed=0 skipped=0   # of the current stage

fail() { # fail WHAT: one failure, told at once
  failed=$((failed + 1))
  echo "    FAILED: $1"
}

# check WHAT COMMAND…: one command is one test; its output is shown when it fails.
check() {
  local what=$1 output
  shift
  output=$logs/$what.out
  if "$@" > "$output" 2>&1; then
    passed=$((passed + 1))
  else
    fail "$what"
    tail -n 40 "$output" | sed 's/^/      /'
  fi
  cat "$output" >> "$log"
}

# build PRESET [TARGET…]: configures and builds; a failure counts as one failed test.
build() {
  local preset=$1 target args=()
  shift
  for target in "$@"; do args+=(--target "$target"); done
  if { cmake --preset "$preset" && cmake --build "build/$preset" -j "$jobs" "${args[@]}"; } \
    >> "$log" 2>&1; then
    return 0
  fi
  fail "the build of preset $preset; the first errors:"
  grep -E -A 3 'error:|FAILED:|CMake Error|undefined reference' "$log" | grep -v '^/usr/bin/' |
    cut -c 1-200 | head -n 30 | sed 's/^/      /'
  return 1
}

# Sanitizers reserve fixed ranges of addresses; wide randomisation can collide with them.
steady_addresses=()
if setarch -R true 2> /dev/null; then steady_addresses=(setarch -R); fi

attribute() { # attribute NAME FILE: the first NAME="number" of a JUnit file
  grep -m 1 -oE "[[:space:]]$1=\"[0-9]+\"" "$2" | grep -oE '[0-9]+' || echo 0
}

# run_ctest PRESET [CTEST ARGUMENT…]: adds the counts of one ctest run.
run_ctest() {
  local preset=$1 report=$logs/$stage.xml output=$logs/$stage.ctest status=0 total bad not_run
  shift
  rm -f "$report"
  "${steady_addresses[@]}" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure \
    --no-tests=error --output-junit "$report" "$@" > "$output" 2>&1 || status=$?
  cat "$output" >> "$log"
  if [[ ! -f $report ]]; then
    fail "ctest of preset $preset wrote no report"
    tail -n 20 "$output" | sed 's/^/      /'
    return
  fi
  total=$(attribute tests "$report")
  bad=$(attribute failures "$report")
  not_run=$(($(attribute skipped "$report") + $(attribute disabled "$report")))
  if ((status != 0 && bad == 0)); then
    bad=1
    not_run=$((not_run > 0 ? not_run - 1 : 0))
  fi
  passed=$((passed + (total > bad + not_run ? total - bad - not_run : 0)))
  failed=$((failed + bad))
  skipped=$((skipped + not_run))
  if ((status != 0)); then
    sed -n '/The following tests FAILED/,/^Errors while/p' "$output" | head -n 40 | sed 's/^/    /'
  fi
}

stage_checks() {
  check ladder scripts/check_ladder.sh
  check style scripts/check_style.sh
  check format scripts/check_format.sh
}

stage_tidy() { check clang-tidy scripts/run_tidy.sh core; }

stage_release() { build release && run_ctest release; }

stage_always-map() {
  build release || return
  VCOMPOUND_CONF=always_map:yes run_ctest release -LE '^(package|scripts|compile_fail|fuzz|kernel)$'
}

stage_asan-ubsan() {
  build asan-ubsan || return
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=print_stacktrace=1
  run_ctest asan-ubsan -LE '^(package|scripts|compile_fail)$'
  unset ASAN_OPTIONS UBSAN_OPTIONS
}

stage_tsan() {
  build tsan tests_stress || return
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 run_ctest tsan -L '^stress$'
}

stage_fuzz() {
  local program name found=0
  build fuzz fuzzers || return
  for program in build/fuzz/fuzz/*_fuzz; do
    [[ -x $program ]] || continue
    found=1
    check "fuzz-$(basename "$program")" scripts/run_fuzz.sh "$program" "$fuzz_runs"
  done
  ((found)) || { skipped=$((skipped + 1)); echo "    skipped: there is no fuzz target"; }
}

if (($# > 0)); then stages=("$@"); else stages=("${all_stages[@]}"); fi
for stage in "${stages[@]}"; do
  if [[ " ${all_stages[*]} " != *" $stage "* ]]; then
    echo "test.sh: no stage '$stage'; there are: ${all_stages[*]}" >&2
    exit 2
  fi
done

table=$(printf '%-12s %8s %8s %8s %8s' stage passed failed skipped seconds)
total_passed=0 total_failed=0 total_skipped=0
begin=$SECONDS
for stage in "${stages[@]}"; do
  passed=0 failed=0 skipped=0 start=$SECONDS
  log=$logs/$stage.log
  : > "$log"
  echo "==> $stage"
  "stage_$stage"
  row=$(printf '%-12s %8d %8d %8d %8d' "$stage" $passed $failed $skipped $((SECONDS - start)))
  table+=$'\n'$row
  ((failed > 0)) && table+="   see build/test/$stage.log"
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  total_skipped=$((total_skipped + skipped))
done

echo
echo "$table"
printf '%-12s %8d %8d %8d %8d\n\n' total \
  $total_passed $total_failed $total_skipped $((SECONDS - begin))
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
((total_failed == 0))
