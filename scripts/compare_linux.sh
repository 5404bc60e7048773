#!/usr/bin/env bash
# Counts the instructions of Linux's page allocators, to compare ours with.
#
# Usage: compare_linux.sh [--write]      --write: also record the rows in kernel/golden/linux.txt, and
#                                        write the tables of docs/kernel-performance.md anew
#
# Downloads Debian's newest 6.1 kernel and its headers into build/linux, builds the module
# bench/linux_module against them, and boots the kernel with it in QEMU three times: with one CPU,
# with two, and with one CPU and Debian's own settings. Instructions are counted exactly
# (-icount shift=0). Writes build/linux/linux.txt, one line per row, and build/linux/linux.json.
#
# Nothing is installed and root is not needed, if the programs are there that `needs` names below.
# VCOMPOUND_LINUX: a folder with the four packages, instead of a download.
# Exit status: 0 all rows are there, 1 something failed (says what), 3 a program is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
source_dir=$PWD/bench/linux_module
record=$PWD/kernel/golden/linux.txt
work=$PWD/build/linux

# What makes Linux quickest: pages are not cleared when they are allocated, the program's and the
# kernel's page tables are one, no workaround for leaking processors.
lean="mitigations=off nopti init_on_alloc=0"

needs() { # needs PROGRAM PACKAGE
  command -v "$1" > /dev/null && return
  echo "compare_linux: $1 is missing; install it with:  apt-get install -y $2" >&2
  exit 3
}

fail() {
  echo "compare_linux: $1" >&2
  exit 1
}

newest_release() { # the newest 6.1 kernel that is neither for clouds nor for real time
  apt-cache pkgnames linux-image-6.1.0- |
    sed -nE 's/^linux-image-(6\.1\.0-[0-9]+)-amd64-unsigned$/\1/p' | sort -V | tail -n 1
}

download() {
  local release
  mkdir -p "$work/packages"
  compgen -G "$work/packages/linux-image-*.deb" > /dev/null && return
  if [[ -n ${VCOMPOUND_LINUX:-} ]]; then
    cp "$VCOMPOUND_LINUX"/linux-{image,headers,kbuild}-*.deb "$work/packages/"
    return
  fi
  release=$(newest_release)
  [[ -n $release ]] || fail "no Linux 6.1 is offered by this system's package lists (Debian 12 does; \
try:  apt-get update), and VCOMPOUND_LINUX names no folder with the packages"
  echo "==> download of Linux $release"
  (cd "$work/packages" && apt-get -q -o APT::Sandbox::User=root download \
    "linux-image-$release-amd64-unsigned" "linux-headers-$release-amd64" \
    "linux-headers-$release-common" linux-kbuild-6.1) > "$work/download.log" 2>&1 ||
    fail "the download failed: $(tail -n 1 "$work/download.log")"
}

unpack() {
  local package
  [[ -d $work/root/boot ]] && return
  rm -rf "$work/root" "$work/root.part"
  mkdir -p "$work/root.part"
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root.part"; done
  # The headers expect to lie in /usr/src.
  sed -i 's|^include /usr/src/|include ../|' "$work"/root.part/usr/src/linux-headers-*-amd64/Makefile
  mv "$work/root.part" "$work/root"
}

build_module() {
  local headers
  headers=$(echo "$work"/root/usr/src/linux-headers-*-amd64)
  rm -rf "$work/module"
  cp -r "$source_dir" "$work/module"
  make -C "$headers" M="$work/module" modules > "$work/module.log" 2>&1 ||
    fail "the module does not build: see build/linux/module.log"
}

make_initramfs() {
  local root=$work/initramfs
  rm -rf "$root"
  mkdir -p "$root/bin"
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp "$work/module/vcompound_count.ko" "$root/"
  printf '%s\n' '#!/bin/busybox sh' '/bin/busybox insmod /vcompound_count.ko' \
    '/bin/busybox poweroff -f' > "$root/init"
  chmod +x "$root/init"
  (cd "$root" && find . | LC_ALL=C sort | busybox cpio -o -H newc 2> /dev/null) > "$work/initramfs.cpio"
}

boot() { # boot NAME CPUS PARAMETERS…: adds the rows, each with NAME in front
  local name=$1 cpus=$2 log=$work/$1.log
  shift 2
  echo "==> $name"
  timeout 900 qemu-system-x86_64 -accel tcg,thread=single -icount shift=0,sleep=off \
    -display none -nodefaults -no-reboot -m 512 -smp "$cpus" -serial "file:$log" \
    -kernel "$work"/root/boot/vmlinuz-* -initrd "$work/initramfs.cpio" \
    -append "console=ttyS0 quiet loglevel=7 printk.time=0 nokaslr panic=-1 $*" ||
    fail "QEMU failed or ran for 15 minutes: see build/linux/$name.log"
  tr -d '\r' < "$log" | grep -q '^vc done$' || fail "no figures: see build/linux/$name.log"
  tr -d '\r' < "$log" | sed -n "/^vc done$/d; s/^vc /$name /p" >> "$work/linux.part"
}

to_json() {
  awk '
    function value(text) { return text ~ /^-?[0-9]+$/ ? text : "\"" text "\"" }
    BEGIN { print "[" }
    {
      line = sprintf("  {\"run\": \"%s\", \"memory\": \"%s\"", $1, $2)
      first = 3
      if ($2 != "settings") {
        line = line sprintf(", \"operation\": \"%s\", \"pages\": %s", $3, $4)
        first = 5
      }
      for (i = first; i <= NF; i++) {
        at = index($i, "=")
        line = line sprintf(", \"%s\": %s", substr($i, 1, at - 1), value(substr($i, at + 1)))
      }
      printf "%s%s}", (NR > 1 ? ",\n" : ""), line
    }
    END { print "\n]" }' "$work/linux.txt" > "$work/linux.json"
}

needs qemu-system-x86_64 qemu-system-x86
needs busybox busybox-static
needs dpkg-deb dpkg
needs gcc-12 gcc-12
needs make make
download
unpack
build_module
make_initramfs

rm -f "$work/linux.part"
version=$(echo "$work"/packages/linux-image-*.deb)
version=${version##*/}
version=${version%_amd64.deb}
echo "linux settings package=${version//%3a/:} parameters=${lean// /,}" > "$work/linux.part"
boot one_cpu 1 "$lean"
boot two_cpus 2 "$lean" maxcpus=1 tsc=reliable
boot as_shipped 1
mv "$work/linux.part" "$work/linux.txt"
to_json
echo "$(wc -l < "$work/linux.txt") rows: build/linux/linux.txt, build/linux/linux.json"
if [[ ${1:-} == --write ]]; then
  cp "$work/linux.txt" "$record"
  echo "recorded: kernel/golden/linux.txt"
  scripts/performance_table.sh
fi
