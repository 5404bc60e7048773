# Sourced by the tests of this folder: a scratch folder and two expectations.
#
#   expect_clean  WHAT COMMAND…           the command must end with 0
#   expect_report WHAT TEXT COMMAND…      it must end with 1 and print TEXT (a fixed string)
root=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

expect_clean() {
  local what=$1 output
  shift
  if ! output=$("$@" 2>&1); then
    printf 'FAILED: %s: expected no report, got:\n%s\n' "$what" "$output"
    failures=$((failures + 1))
  fi
}

expect_report() {
  local what=$1 text=$2 output status=0
  shift 2
  output=$("$@" 2>&1) || status=$?
  if [[ $status -ne 1 || $output != *"$text"* ]]; then
    printf 'FAILED: %s: expected exit status 1 and "%s", got status %s:\n%s\n' \
      "$what" "$text" "$status" "$output"
    failures=$((failures + 1))
  fi
}

finish() {
  if ((failures > 0)); then
    echo "$failures expectation(s) failed"
    exit 1
  fi
  echo "all expectations met"
}
