#!/bin/sh
# The C interface under AddressSanitizer and ThreadSanitizer, the Rust code instrumented too: `make c-heavy`. Needs clang. The sanitizers of
# rustc are unstable, so the compiler is told to allow them; nothing of this is shipped.
set -eu
cd "$(dirname "$0")/../../.."
command -v clang >/dev/null || { echo "heavy.sh: clang is missing" >&2; exit 2; }
target=$(rustc -vV | sed -n 's/^host: //p')
runtimes=$(rustc --print sysroot)/lib/rustlib/$target/lib
work=${CARGO_TARGET_DIR:-target}/sanitizers
say() { echo "heavy.sh: $*"; }

build() {
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer" CARGO_TARGET_DIR=$work/$1 \
        cargo build --quiet -p otoscope-ffi --lib --target "$target"
}
# program SANITIZER SHORT SOURCE NAME
program() {
    clang -std=gnu99 -O1 -g -Iinclude -fsanitize="$1" -c "$3" -o "$work/$4.o"
    clang "$work/$4.o" "$work/$1/$target/debug/libotoscope.a" -Wl,--whole-archive "$runtimes"/librustc-*_rt."$2".a -Wl,--no-whole-archive \
        -o "$work/$4" -lm -lpthread -ldl -lrt -lresolv -lstdc++
}

build address
program address asan ffi/tests/c/sequences.c sequences
rm -rf "$work/spool"
printf '[spool]\nfolder = "%s"\n[ndjson]\n' "$(cd "$work" && pwd)/spool" >"$work/otoscope.toml"
for seed in 1 2 3 4; do "$work/sequences" 500000 $seed "$work/otoscope.toml"; done
program address asan examples/c/probe.c probe
gcc -std=c99 examples/c/tone.c -o "$work/tone"
"$work/tone" "$work/tone.wav"
"$work/probe" "$work/tone.wav" >/dev/null 2>&1
say "AddressSanitizer is silent"

build thread
program thread tsan ffi/tests/c/threads.c threads
"$work/threads" 2000
"$work/threads" 0 >/dev/null 2>"$work/race.txt" || true
if ! grep -q 'data race' "$work/race.txt"; then
    say "a race on purpose was not seen: this proves nothing" >&2
    exit 1
fi
say "ThreadSanitizer is silent, and sees a race on purpose"
