#!/usr/bin/env bash
# Checks what no compiler checks: forbidden words, file length, file headers.
#
# Usage: check_style.sh [ROOT]      (default: this repository)
#
# Exit status: 0 clean, 1 violations. Exceptions from the length limits are the lines of
# CONTRIBUTING.md of the form "- `path`: reason".
set -euo pipefail

root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"
max_lines=500
violations=0

fail() {
  printf '%s\n' "$1"
  violations=$((violations + 1))
}

# Every text file that is or could be committed.
list_files() {
  if git rev-parse --is-inside-work-tree > /dev/null 2>&1 &&
    [[ $(git rev-parse --show-toplevel) == "$(pwd -P)" ]]; then
    git ls-files --cached --others --exclude-standard
  else
    find . -type f -not -path './build/*' -not -path './.git/*' | sed 's|^\./||'
  fi
}

mapfile -t all < <(list_files | LC_ALL=C sort)
files=()
for file in "${all[@]}"; do
  case $file in
    *.zst | *.png | tests/fuzz/corpus/* | traces/*.csv) continue ;;
  esac
  [[ -f $file ]] && files+=("$file")
done

# forbid WHAT REGEX FILES…: reports each line that matches.
forbid() {
  local what=$1 regex=$2 line
  shift 2
  (($# > 0)) || return 0
  while IFS= read -r line; do
    fail "$line    [$what]"
  done < <(grep -nIE --with-filename -- "$regex" "$@" || true)
}

matching() { # matching REGEX: the files whose path matches
  local file
  for file in "${files[@]}"; do
    if [[ $file =~ $1 ]]; then printf '%s\n' "$file"; fi
  done
}

mapfile -t sources < <(matching '\.(h|cc|c)$')
mapfile -t waiting < <(matching '^(src|tests|tools|bench|examples)/.*\.(h|cc|c)$')
mapfile -t scripts < <(matching '\.sh$')

# The patterns are written so that they do not match themselves.
forbid "unfinished work belongs in the tracker" '(^|[^A-Za-z])(TOD[O]|FIXM[E]|XX[X])([^A-Za-z]|$)' "${files[@]}"
forbid "say what it does, not what is missing" '[Nn]ot (yet )?implemente[d]' "${files[@]}"
forbid "wait for an event, never for a time" \
  '(^|[^A-Za-z_])(sleep_for|sleep_until|usleep|nanosleep|sleep) *\(' "${waiting[@]}"
forbid "trailing space" '[[:space:]]$' "${sources[@]}" "${scripts[@]}"
forbid "tab" $'\t' "${sources[@]}" "${scripts[@]}"

if [[ ${#root} -gt 4 ]]; then
  while IFS= read -r line; do
    fail "$line    [a path of this machine]"
  done < <(grep -nIF --with-filename -- "$(pwd -P)/" "${files[@]}" || true)
fi

excepted() { [[ -f CONTRIBUTING.md ]] && grep -qF -- "- \`$1\`:" CONTRIBUTING.md; }

for file in "${sources[@]}" "${scripts[@]}"; do
  lines=$(wc -l < "$file")
  if ((lines > max_lines)) && ! excepted "$file"; then
    fail "$file: $lines lines; $max_lines at most (name an exception in CONTRIBUTING.md)"
  fi
done

for file in "${sources[@]}"; do
  read -r first < "$file" || true
  own=${file%.cc}.h
  # A .cc that begins with its own header is described there.
  if [[ $first != //* && $first != '/*'* && $first != "#include \"${own#src/}\"" ]]; then
    fail "$file:1: the file does not start with a comment that says what it is"
  fi
  # A header for C as well may use the guard that every C compiler knows.
  if [[ $file == *.h ]] && ! grep -qE '^#(pragma once|ifndef (VC|VCOMPOUND)_[A-Z_]*H_?)$' "$file"; then
    fail "$file:1: the header has no #pragma once"
  fi
done

if ((violations > 0)); then
  echo "check_style: $violations violation(s)"
  exit 1
fi
echo "check_style: ${#files[@]} files, no violation"
