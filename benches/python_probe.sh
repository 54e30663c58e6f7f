#!/usr/bin/env bash
# What `otoscope.probe` of an hour of float32 costs more in Python than in Rust, in instructions: `benches/python_probe.sh [MINUTES]`
# (a quarter of an hour; the package must be in .venv: `make test-python`).
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-60}
cargo build --quiet --release -p otoscope-benches --bin whole
whole=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)/whole
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The committed clips, one after the other, again and again.
.venv/bin/python - "$work/pcm.raw" "$minutes" <<'P'
import sys
from pathlib import Path
import numpy as np, soundfile
clips = [soundfile.read(path, dtype="float32") for path in sorted(Path("fixtures/speech").glob("*.flac"))]
speech = np.concatenate([x for x, rate in clips if rate == 24_000])
np.resize(speech, int(float(sys.argv[2]) * 60) * 24_000).tofile(sys.argv[1])
P
: >"$work/none.raw"
count() { # command...: instructions of the whole process
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$work/log" "$@" >/dev/null
    awk '/Collected/ { print $NF }' "$work/log"
}
measure='import sys, array, otoscope
pcm = array.array("f")
with open(sys.argv[1], "rb") as file:
    pcm.frombytes(file.read())
'
rust=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$work/log" --toggle-collect='whole::counted*' \
    "$whole" "$work/pcm.raw" >/dev/null && awk '/Collected/ { print $NF }' "$work/log")
# In Python: the whole process with the call, less the same without it.
with=$(count .venv/bin/python -c "$measure"'otoscope.probe(pcm, 24_000)' "$work/pcm.raw")
without=$(count .venv/bin/python -c "$measure" "$work/pcm.raw")
awk -v r="$rust" -v p=$((with - without)) -v m="$minutes" \
    'BEGIN { printf "%s min of float32 at 24 kHz, all metrics: Rust %.3e instructions, Python %.3e, %+.2f %%\n", m, r, p, 100 * (p / r - 1) }'
