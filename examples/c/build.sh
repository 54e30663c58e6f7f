#!/bin/sh
# Builds libotoscope and the C examples, and runs one.
#
#     examples/c/build.sh [--release] [FILE.wav | FILE.raw RATE]
#
# Without a file, it listens to a tone with two faults.
set -eu
cd "$(dirname "$0")/../.."
profile=debug
flag=
if [ "${1:-}" = --release ]; then
    profile=release
    flag=--release
    shift
fi
cargo build --quiet -p otoscope-ffi $flag
lib=${CARGO_TARGET_DIR:-target}/$profile
out=$lib/c
mkdir -p "$out"

# The program looks for the library by its soname.
soname=$(objdump -p "$lib/libotoscope.so" | awk '$1 == "SONAME" { print $2 }')
ln -sf ../libotoscope.so "$out/$soname"

warnings="-std=c99 -Wall -Wextra -Wpedantic -Werror"
${CC:-gcc} $warnings -O2 -g examples/c/tone.c -o "$out/tone"
for program in probe server; do
    ${CC:-gcc} $warnings -O2 -g -Iinclude examples/c/$program.c -o "$out/$program" -L"$lib" -lotoscope '-Wl,-rpath,$ORIGIN' -lm -lpthread
done

if [ $# -eq 0 ]; then
    "$out/tone" "$out/tone.wav"
    set -- "$out/tone.wav"
fi
"$out/probe" "$@"
