#!/usr/bin/env bash
# run_kernel.sh must tell how a boot ended, without a real one: here QEMU is a script.
set -euo pipefail
. "$(dirname "$0")/expect.sh"

mkdir -p "$scratch/bin" "$scratch/empty"
echo image > "$scratch/image"
# The stand-in prints its arguments and ends with the status in $STATUS.
cat > "$scratch/bin/qemu-system-x86_64" << 'EOF'
#!/bin/bash
printf 'arg %s\n' "$@"
printf 'PANIC: bad free\r\n'
[[ ${STATUS:-33} == never ]] && exec tail -f /dev/null
exit "${STATUS:-33}"
EOF
chmod +x "$scratch/bin/qemu-system-x86_64"

run() { # run STATUS ARGUMENT…: prints the output and the exit status; returns 0 or 1
  local status=0
  STATUS=$1 PATH="$scratch/bin:$PATH" bash "$root/scripts/run_kernel.sh" \
    --image "$scratch/image" "${@:2}" 2>&1 || status=$?
  echo "status $status"
  ((status == 0))
}

expect_clean "a success" run 33
expect_report "a failure" "status 1" run 35
expect_report "a panic" "status 3" run 37
expect_report "a reset" $'was reset (a triple fault?)\nstatus 5' run 0
expect_report "an error of QEMU" $'QEMU ended with status 1\nstatus 5' run 1
expect_report "a timeout" $'no end within 1 s\nstatus 4' run never --timeout 1

expect_clean "an expected panic" run 37 --expect-panic 'bad free$'
expect_report "another panic" "no line that matches: worse" run 37 --expect-panic worse
expect_report "no panic" "should have ended with status 3, not 0" run 33 --expect-panic 'bad free'
expect_report "a failure, not a panic" "should have ended with status 3" run 35 --expect-panic free
expect_clean "an expected failure" run 35 --expect-failure PANIC
expect_report "no failure" "should have ended with status 1" run 33 --expect-failure PANIC
expect_clean "an expected line" run 33 --expect '^arg test=A b=c$' test=A b=c
expect_report "a line that is not there" "no line that matches" run 33 --expect nothing
expect_report "a failure with the line" "status 1" run 35 --expect PANIC

expect_clean "processors and memory" run 33 --expect '^arg 4$' --cpus 4
expect_clean "nodes" run 33 --expect 'size=64M' --memory 128M --numa 2 --cpus 2
expect_clean "arguments of QEMU" run 33 --expect '^arg e1000$' -- -device e1000

expect_report "an unknown option" "unknown option --what" run 33 --what
expect_report "a missing value" "needs a value" run 33 --cpus
expect_report "a missing image" "is not there" run 33 --image "$scratch/nothing"

without_qemu() {
  local status=0
  PATH=$scratch/empty /bin/bash "$root/scripts/run_kernel.sh" 2>&1 || status=$?
  echo "status $status"
  ((status == 0))
}
ln -s "$(command -v dirname)" "$scratch/empty/dirname"
expect_report "no QEMU" "skipped: qemu-system-x86_64 is not installed" without_qemu
expect_report "no QEMU is told by the status" "status 77" without_qemu

finish
