#!/bin/bash
# Every man page is clean, every verb has one, and it names each option that --help names.
set -u
bin=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! command -v groff > /dev/null; then
  echo "skipped: groff is not installed (Debian: groff)"
  exit 77
fi
failed=0
fail() { echo "FAILED: $*"; failed=1; }

render() { groff -mandoc -Tascii -P-c -P-b -P-u -P-o "$1" 2> /dev/null; }

for page in "$root"/docs/man/*.[1-9]; do
  warnings=$(groff -mandoc -Tascii -ww -z "$page" 2>&1)
  [ -z "$warnings" ] || fail "$page: $warnings"
done

verbs=$("$bin/vcompound" --help | sed -n '/^Verbs:/,/^$/p' | awk '/^  [a-z]/ { print $1 }')
[ -n "$verbs" ] || fail "--help lists no verb"
for verb in $verbs; do
  page="$root/docs/man/vcompound-$verb.1"
  if [ ! -f "$page" ]; then
    fail "$verb has no man page docs/man/vcompound-$verb.1"
    continue
  fi
  text=$(render "$page")
  for option in $("$bin/vcompound" "$verb" --help | grep -oE '^  .*' | grep -oE '^  (-[a-zA-Z],)?--[a-z-]+' |
    grep -oE -- '--[a-z-]+'); do
    grep -qF -- "$option" <<< "$text" || fail "vcompound-$verb(1) does not explain $option"
  done
  grep -qF "vcompound-$verb" <<< "$(render "$root/docs/man/vcompound.1")" ||
    fail "vcompound(1) does not name vcompound-$verb(1)"
done
[ "$failed" = 0 ] && echo "man pages of: $(echo $verbs)"
exit "$failed"
