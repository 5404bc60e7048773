#!/bin/sh
# Links the image twice, so that it knows the names of its own functions:
#   link_with_symbols.sh COMMAND -o IMAGE …
#
# The first link says where each function lies. That becomes a table (arch/symbols.cc reads it), which
# the second link appends to the constants, behind the text: so no function moves. Checked at the end.
set -eu

"$@"
image=
previous=
for argument in "$@"; do
  if [ "$previous" = -o ]; then image=$argument; fi
  previous=$argument
done
if [ -z "$image" ]; then
  echo "link_with_symbols.sh: the command has no -o" >&2
  exit 1
fi

# Functions in ascending order: address, name. Of several names for one place the first is taken. The
# names are short: without arguments, results, and the scopes that all of them share. Of functions of
# the same name side by side (a template of the tests, many times) one stands for all.
functions() {
  nm -n -C --defined-only "$image" | awk '
    $3 == "text_start" { prefix = substr($1, 1, 8) }
    prefix != "" && $2 ~ /^[tTwW]$/ && substr($1, 1, 8) == prefix && $1 != last {
      last = $1
      name = substr($0, length($1) + 4)
      gsub(/\(anonymous namespace\)::|vc::kernel::|vc::/, "", name)
      sub(/operator\(\)/, "call", name)
      if (name !~ /operator/) while (gsub(/<[^<>]*>/, "", name)) {}
      sub(/\(.*/, "", name)
      if (name !~ /operator/) sub(/^.* /, "", name)
      name = substr(name, 1, 48)
      if (name != before && name !~ /^text_(start|end)$/) print $1, name
      before = name
    }'
}

functions > "$image.functions"
awk '
  function quoted(s) { gsub(/["\\]/, "", s); return "\"" s "\"" }
  {
    name = substr($0, length($1) + 2)
    if (!(name in label)) { label[name] = ++labels; names[labels] = name }
    entries[NR] = sprintf("  .long 0x%s - text_start, name_%d - kernel_symbol_names", $1, label[name])
  }
  END {
    print ".section .rodata.symbols, \"a\""
    print ".global kernel_symbol_count, kernel_symbols, kernel_symbol_names"
    print ".balign 4"
    print "kernel_symbol_count:\n  .long " NR
    print "kernel_symbols:"
    for (i = 1; i <= NR; ++i) print entries[i]
    print "kernel_symbol_names:"
    for (i = 1; i <= labels; ++i) print "name_" i ": .asciz " quoted(names[i])
    print ".section .note.GNU-stack, \"\", @progbits"
  }' "$image.functions" > "$image.symbols.S"
sed -i "s/0x\([0-9a-f]*\) - text_start/0x\1 - $(nm "$image" | awk '$3 == "text_start" { print "0x" $1 }')/" \
  "$image.symbols.S"
"$1" -c -o "$image.symbols.o" "$image.symbols.S"
"$@" "$image.symbols.o"

functions | cmp -s - "$image.functions" || {
  echo "link_with_symbols.sh: the symbol table has moved the functions of $image" >&2
  exit 1
}
