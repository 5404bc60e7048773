#!/usr/bin/env bash
# ImageMagick makes 90 pictures of many sizes in one process: fractal plasma, turned, blurred,
# scaled, then joined to one contact sheet.
source "$(dirname "$0")/common.sh"
need convert-im6.q16 imagemagick

arguments=()
RANDOM=20080429
for ((i = 0; i < 90; ++i)); do
  width=$((80 + RANDOM % 600))
  height=$((80 + RANDOM % 500))
  arguments+=('(' -size "${width}x${height}" "plasma:fractal" -rotate "$((RANDOM % 90))"
    -resize "$((30 + RANDOM % 140))%" -blur 0x1 -negate ')')
done

echo "90 pictures of 80x80 to 680x580 pixels, joined to one sheet"
MAGICK_THREAD_LIMIT=2 record imagemagick convert-im6.q16 -seed 1 "${arguments[@]}" \
  -resize 240x180 -append -quality 85 "$scratch/sheet.jpg"
