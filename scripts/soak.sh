#!/usr/bin/env bash
# Repeats the stress tests of the preset tsan, with another seed each round, until the time is up.
#
# Usage: soak.sh MINUTES
#
# Each round sets VC_TEST_SEED; a failing round prints it and ends the soak with status 1.
set -euo pipefail
minutes=${1:-30}
cd "$(dirname "$0")/.."
if ! [[ $minutes =~ ^[0-9]+$ ]]; then
  echo "soak: '$minutes' is not a number of minutes" >&2
  exit 2
fi
steady=()
if setarch -R true 2> /dev/null; then steady=(setarch -R); fi

end=$((SECONDS + minutes * 60))
round=0
while ((SECONDS < end)); do
  round=$((round + 1))
  seed=$((RANDOM * 32768 + RANDOM))
  if ! VC_TEST_SEED=$seed "${steady[@]}" ctest --test-dir build/tsan -L '^stress$' -j 2 \
    --output-on-failure --no-tests=error > build/tsan/soak.log 2>&1; then
    tail -n 60 build/tsan/soak.log
    echo "soak: round $round failed; repeat it with VC_TEST_SEED=$seed"
    exit 1
  fi
  echo "round $round passed (VC_TEST_SEED=$seed)"
done
echo "soak: $round rounds in $minutes minutes, all passed"
