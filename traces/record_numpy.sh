#!/usr/bin/env bash
# A numpy job: arrays of 32 KiB to 64 MiB are made, multiplied, transformed, sorted, joined and
# dropped in an order drawn from a fixed seed; up to about 550 MiB is live.
source "$(dirname "$0")/common.sh"
need python3 python3
/usr/bin/python3 -c 'import numpy' 2>/dev/null || need numpy-is-missing python3-numpy

cat >"$scratch/job.py" <<'END'
import random
import numpy as np

random.seed(20080320)
generator = np.random.default_rng(20080320)
live, live_bytes, limit = [], 0, 448 << 20


def keep(array):
    global live_bytes
    live.append(array)
    live_bytes += array.nbytes
    while live_bytes > limit:
        live_bytes -= live.pop(random.randrange(len(live))).nbytes


for step in range(2500):
    # Sizes spread evenly over their logarithm: many small arrays, few of 64 MiB.
    count = int(2 ** random.uniform(12, 23))
    kind = random.randrange(6)
    if kind == 0:
        keep(generator.random(count))
    elif kind == 1:
        side = int(min(count, 1 << 18) ** 0.5)
        matrix = generator.random((side, side))
        keep(matrix @ matrix.T)
    elif kind == 2:
        keep(np.fft.rfft(generator.random(min(count, 1 << 19))))
    elif kind == 3 and live:
        array = live[random.randrange(len(live))].ravel()[: 1 << 20]
        keep(np.concatenate([array.real, array.real[::-1]]))
    elif kind == 4 and live:
        keep(np.sort(live[random.randrange(len(live))].real.ravel()[: 1 << 18]))
    elif live:
        index = random.randrange(len(live))
        live_bytes -= live[index].nbytes
        del live[index]
print(len(live), "arrays,", live_bytes >> 20, "MiB at the end")
END

echo "2500 steps of numpy on arrays of 32 KiB to 64 MiB"
OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 record numpy /usr/bin/python3 "$scratch/job.py"
