#!/usr/bin/env bash
# What a push of 10 ms through the C interface costs more than the same push in Rust, in instructions: `benches/c_push.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release -p otoscope-benches --bin push
cargo build --quiet --release -p otoscope-ffi
built=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
soname=$(objdump -p "$built/libotoscope.so" | awk '$1 == "SONAME" { print $2 }')
ln -s "$built/libotoscope.so" "$work/$soname"
gcc -O2 -Iinclude benches/push.c -o "$work/push" -L"$built" -lotoscope -Wl,-rpath,"$work"
# Ten seconds of a trembling tone at 24 kHz.
python3 - "$work/pcm.raw" <<'P'
import array, math, sys
phase, out = 0.0, array.array("h")
for n in range(240_000):
    phase += 2 * math.pi * (200 + 20 * math.sin(n / 4000)) / 24000
    out.append(int(6000 * sum(math.sin(k * phase) / k for k in range(1, 6))))
out.tofile(open(sys.argv[1], "wb"))
P
count() { # program pattern
    local pushes
    pushes=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$work/log" --toggle-collect="$2" "$1" "$work/pcm.raw")
    awk -v p="$pushes" '/Collected/ { printf "%.0f\n", $NF / p }' "$work/log"
}
rust=$(count "$built/push" 'push::counted*')
c=$(count "$work/push" counted)
echo "instructions a push of 10 ms at 24 kHz, all metrics: Rust $rust, C $c, more by $((c - rust))"
