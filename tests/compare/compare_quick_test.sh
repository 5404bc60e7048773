#!/usr/bin/env bash
# Runs the comparison once in small and looks at what it leaves.
#
# Usage: compare_quick_test.sh ROOT PROGRAMS
set -euo pipefail
root=$1 programs=$2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}

wanted=()
for row in pair availability; do
  if "$programs/compare_worker" --list | grep -q "^$row "; then wanted+=("$row"); fi
done
[[ ${wanted[0]:-} == pair ]] || fail "compare_worker has no row pair"
rows=$(IFS=, && echo "${wanted[*]}")
peers=vcompound
for peer in glibc buddy; do
  if "$programs/compare_worker" --list | grep -qE "^(${rows//,/|}) $peer "; then peers+=,$peer; fi
done

"$root/scripts/compare.sh" --quick --rows "$rows" --peers "$peers" --programs "$programs" \
  --out "$out" > "$out/output" 2> "$out/errors" ||
  fail "compare.sh ended with status $?: $(cat "$out/output" "$out/errors")"

for file in compare.json index.html tables.md results.jsonl; do
  [[ -s $out/$file ]] || fail "$file is missing or empty"
done
for row in "${wanted[@]}"; do
  grep -q "\"row\": \"$row\"" "$out/compare.json" || fail "compare.json lacks the row $row"
  grep -q "($row)</h2>" "$out/index.html" || fail "index.html lacks the row $row"
  grep -q "(\`$row\`)" "$out/tables.md" || fail "tables.md lacks the row $row"
  compgen -G "$out/$row*.svg" > /dev/null || fail "the row $row has no picture"
done
if grep -nwiE 'nan|-nan|inf|-inf|null' "$out"/{compare.json,tables.md,index.html} "$out"/*.svg; then
  fail "a figure is no number"
fi
grep -q '"peer": "vcompound"' "$out/compare.json" || fail "no figure of ours"
grep -q 'goals met' "$out/output" || fail "no summary"
[[ $(tail -n 1 "$out/output") == "$out/index.html" ]] || fail "the path of the page is not the end"

# A worker that crashes, or is not what it says, becomes a reason and stops nothing.
mkdir "$out/broken"
cat > "$out/broken/compare_worker" << 'END'
#!/usr/bin/env bash
case $1 in
  --list) printf 'pair vcompound 2\npair glibc 2\n' ;;
  --describe) echo '[]' ;;
  *) [[ $4 == glibc ]] && kill -SEGV $$
     printf '%s\n' 'noise of a library' \
       '{"row":"pair","case":"4 KiB","at":4096,"peer":"vcompound","metric":"time","unit":"ns","value":8}' ;;
esac
END
chmod +x "$out/broken/compare_worker"
ln -s "$programs/compare_report" "$out/broken/compare_report"
"$root/scripts/compare.sh" --programs "$out/broken" --out "$out/broken" > "$out/output" \
  2> "$out/errors" || fail "a crash stopped the comparison: $(cat "$out/output" "$out/errors")"
grep -q 'glibc: its process failed 2 times: ended by signal 11' "$out/broken/tables.md" ||
  fail "the crash is not told: $(cat "$out/broken/tables.md")"
grep -q '"repetition":2,"row":"pair","case":"4 KiB"' "$out/broken/results.jsonl" ||
  fail "the second repetition is missing"

"$root/scripts/compare.sh" --rows nothing_like_this --programs "$programs" --out "$out" \
  > "$out/output" 2>&1 && fail "an unknown row was accepted"
grep -q "no row or peer 'nothing_like_this'" "$out/output" || fail "the unknown row is not named"
echo "compare.quick: passed"
