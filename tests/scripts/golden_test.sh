#!/usr/bin/env bash
# golden.sh must notice each difference from the golden file, without a real count: here valgrind and
# the program are scripts.
set -euo pipefail
. "$(dirname "$0")/expect.sh"

mkdir -p "$scratch/bin" "$scratch/empty"
golden=$scratch/golden.txt
golden_build=$(sed -n 's/^expected_build="\(.*\)"$/\1/p' "$root/scripts/golden.sh")

# The stand-in for golden_paths has two paths. The one for valgrind writes what callgrind does: one
# file for each of the three runs of a path, here of 40 and 100.5 instructions per operation.
program() { # program BUILD NAME…: makes the program
  cat > "$scratch/program" << PROGRAM
#!/bin/bash
case \$1 in
  --build) echo "$1" ;;
  --list) printf '%s\n' ${*:2} ;;
esac
PROGRAM
  chmod +x "$scratch/program"
}
cat > "$scratch/bin/valgrind" << 'EOF_VALGRIND'
#!/bin/bash
[[ $1 == --version ]] && echo valgrind-stand-in && exit
[[ -z ${HOME-} && -z ${VCOMPOUND_CONF-} ]] || exit 9
number=0
for run in "fast 5140" "fast 2580" "fast 5140" "slow 12901" "slow 6469" "slow 12901"; do
  read -r name instructions <<< "$run"
  printf 'desc: Trigger: --dump-after=vc::golden::(anonymous namespace)::%s(unsigned long)\n\n' \
    "$name" > "part.$((++number))"
  printf 'events: Ir\nsummary: %s\n' "$instructions" >> "part.$number"
done
exit "$(cat "$(dirname "$0")/status")"
EOF_VALGRIND
chmod +x "$scratch/bin/valgrind"
echo 0 > "$scratch/bin/status"
program "$golden_build" fast slow

check() {
  PATH="$scratch/bin:$PATH" VCOMPOUND_CONF=always_map:yes bash "$root/scripts/golden.sh" \
    --program "$scratch/program" --golden "$golden" "$@"
}
with() { # with SED-EXPRESSION: writes the golden file, then changes it
  check --write > /dev/null
  sed -i "$1" "$golden"
}

expect_clean "writing" check --write
expect_clean "what was written" check --check
expect_clean "the counts in the file" grep -qE '^fast +40\.0$' "$golden"
expect_clean "counts with a fraction" grep -qE '^slow +100\.5$' "$golden"

with '/^fast/s/40\.0/39.0/'
expect_report "a longer path" "golden 39.0, now 40.0: longer by 1.0" check
expect_report "how to accept it" "make bench-golden" check
with '/^slow/s/100\.5/100.6/'
expect_report "a shorter path" "golden 100.6, now 100.5: shorter by 0.1" check
with '/^fast/d'
expect_report "a new path" "is new: 40.0 instructions" check
with '$a gone 7.0'
expect_report "a path that is gone" "is gone" check
rm "$golden"
expect_report "no golden file" "there is no golden file" check

check --write > /dev/null
program "$golden_build" fast slow third
expect_report "a path that was not counted" "third" check
program "$golden_build" fast slow
echo 3 > "$scratch/bin/status"
expect_report "a program that fails" "ended with status 3" check
echo 0 > "$scratch/bin/status"

skips() { # skips TEXT COMMAND…: 77, with that text
  local output status=0
  output=$("${@:2}" 2>&1) || status=$?
  [[ $status == 77 && $output == *"$1"* ]] || { echo "status $status: $output" && return 1; }
}
program "Clang 14.0.6 Release" fast slow
expect_clean "another compiler" skips 'says "Clang 14.0.6 Release"' check
without_valgrind() {
  ln -sf "$(command -v bash)" "$(command -v dirname)" "$scratch/empty"
  PATH=$scratch/empty bash "$root/scripts/golden.sh" --program "$scratch/program"
}
expect_clean "no valgrind" skips "there is no valgrind" without_valgrind

finish
