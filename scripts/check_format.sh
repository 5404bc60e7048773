#!/usr/bin/env bash
# Checks the format of every C++ and C file, or with --fix writes it.
#
# Usage: check_format.sh [--fix]
#
# Exit status: 0 clean, 1 files to format, 3 clang-format 14 is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

clang_format=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $clang_format ]]; then
  echo "check_format: clang-format is missing; install it: apt-get install clang-format" >&2
  exit 3
fi

mapfile -t files < <(find src kernel tools tests bench examples -type f \
  \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) 2> /dev/null | LC_ALL=C sort)
if ((${#files[@]} == 0)); then
  echo "check_format: no files"
  exit 0
fi

if [[ ${1:-} == --fix ]]; then
  printf '%s\0' "${files[@]}" | xargs -0 -P 2 -n 20 "$clang_format" -i
  echo "check_format: ${#files[@]} files formatted"
  exit 0
fi

if ! printf '%s\0' "${files[@]}" |
  xargs -0 -P 2 -n 20 "$clang_format" --dry-run -Werror --ferror-limit=1; then
  echo "check_format: run 'make format'"
  exit 1
fi
echo "check_format: ${#files[@]} files, all formatted"
