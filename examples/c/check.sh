#!/bin/sh
# Checks the C interface from outside: the header, the exported symbols, and the example under valgrind.
# Needs gcc, g++, binutils and valgrind.
#
#     examples/c/check.sh [--release]
set -eu
cd "$(dirname "$0")/../.."
for tool in gcc g++ nm objdump valgrind; do
    command -v $tool >/dev/null || { echo "check.sh: $tool is missing" >&2; exit 2; }
done
profile=debug
[ "${1:-}" = --release ] && profile=release
lib=${CARGO_TARGET_DIR:-target}/$profile
out=$lib/c
warnings="-Wall -Wextra -Wpedantic -Wpadded -Werror"
say() { echo "check.sh: $*"; }
fail() { say "$*" >&2; exit 1; }

examples/c/build.sh "$@" >/dev/null 2>&1 || fail "the example does not build or run"

for std in c99 c11 c17; do
    echo '#include "otoscope.h"' | gcc -std=$std $warnings -Wconversion -Iinclude -fsyntax-only -x c -
done
for std in c++11 c++17 c++20; do
    echo '#include "otoscope.h"' | g++ -std=$std $warnings -Wconversion -Iinclude -fsyntax-only -x c++ -
done
gcc -std=c11 $warnings -Iinclude -fsyntax-only ffi/tests/layout.c
g++ -std=c++17 $warnings -Iinclude -fsyntax-only -x c++ ffi/tests/layout.c
say "the header is clean in C99 to C17 and C++11 to C++20, and the layouts are right"

if command -v clang >/dev/null; then
    echo '#include "otoscope.h"' | clang -std=c99 $warnings -Wconversion -Iinclude -fsyntax-only -x c -
    for std in c++11 c++17; do
        echo '#include "otoscope.h"' | clang++ -std=$std $warnings -Wconversion -Iinclude -fsyntax-only -x c++ -
    done
    say "clang has nothing to say either"
else
    say "SKIPPED clang: not installed"
fi

# The example at the top of the header, as it stands there.
{
    echo '#include "otoscope.h"'
    echo 'int next_chunk(const int16_t **pcm, size_t *n, int64_t *t_ns);'
    echo 'double example(void); double example(void) {'
    echo 'const int16_t *pcm; size_t n; int64_t t_ns; double lufs = 0;'
    sed -n '/^#ifndef/q; s/^ \*     //p' include/otoscope.h | sed 's|//.*||'
    echo 'return lufs; }'
} >"$out/twelve.c"
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$out/twelve.c"
say "the example in the header compiles"

export LC_ALL=C
nm -D --defined-only "$lib/libotoscope.so" | awk '{ print $3 }' | sort >"$out/exported"
cmp -s "$out/exported" ffi/symbols.txt || fail "the exported functions are not those of ffi/symbols.txt: $(diff "$out/exported" ffi/symbols.txt)"
grep -v '^ \*\|^/\*\|^#' include/otoscope.h | grep -o 'oto_[a-z0-9_]*(' | tr -d '(' | sort >"$out/declared"
cmp -s "$out/exported" "$out/declared" || fail "exported and declared functions differ: $(diff "$out/exported" "$out/declared")"
say "exactly the $(wc -l <"$out/declared") functions of the header are exported"

# The example with a good file, raw samples, a cut file, nothing at all, and a rate that is not possible.
"$out/tone" "$out/tone.wav"
tail -c +45 "$out/tone.wav" >"$out/tone.raw"
head -c 30001 "$out/tone.wav" >"$out/cut.wav"
head -c 40 "$out/tone.wav" >"$out/header.wav"
: >"$out/empty.raw"
check() {
    expected=$1
    shift
    status=0
    valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
        "$out/probe" "$@" >"$out/stdout" 2>"$out/stderr" || status=$?
    [ $status -eq "$expected" ] || { cat "$out/stderr" >&2; fail "probe $*: status $status, not $expected"; }
}
check 0 "$out/tone.wav"
grep -q '"schema":"otoscope.report/1"' "$out/stdout" || fail "no report"
grep -q '1.000 s .* join/step' "$out/stderr" && grep -q '2.000 s .* dropout/hole' "$out/stderr" || {
    cat "$out/stderr" >&2
    fail "a fault of the tone was not found"
}
cp "$out/stdout" "$out/tone.json"
check 0 "$out/tone.raw" 24000
cmp -s "$out/stdout" "$out/tone.json" || fail "raw samples and WAV give different reports"
check 0 "$out/cut.wav"
check 0 "$out/empty.raw" 24000
check 2 "$out/header.wav"
check 2 "$out/empty.raw"
check 2 "$out/tone.raw" 24
check 2 "$out/nothing.wav"
say "the example runs under valgrind without errors or leaks"

gcc -std=c99 -O2 -Iinclude examples/c/probe.c -o "$out/probe_static" "$lib/libotoscope.a" -lm -lpthread -ldl
"$out/probe_static" "$out/tone.wav" 2>/dev/null | cmp -s - "$out/tone.json" || fail "the static library gives another report"
say "the static library gives the same report"

# Every function called with nothing, then calls in random order, and probes that go from thread to thread.
careful="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all"
program() {
    gcc -std=gnu11 -Wall -Wextra -Wpedantic -Wno-unused-value -Werror -O1 -g -Iinclude "$1" -o "$out/$2" -L"$lib" -lotoscope '-Wl,-rpath,$ORIGIN' -lm -lpthread
}
python3 ffi/tests/c/nulls.py include/otoscope.h >"$out/nulls.c"
program "$out/nulls.c" nulls
# A spool of its own for each, below the same folder.
rm -rf "$out/spool"
printf '[spool]\nfolder = "%s"\nring_slots = 16\n[ndjson]\n' "$(cd "$out" && pwd)/spool" >"$out/otoscope.toml"
export OTOSCOPE_CONFIG="$out/otoscope.toml"
$careful "$out/nulls" >"$out/stdout" || { cat "$out/stdout" >&2; fail "a call with nothing"; }
[ "$(grep -o '^[0-9]*' "$out/stdout")" -eq "$(wc -l <"$out/declared")" ] || fail "nulls.py misses a function of the header"
for function in $(cat ffi/symbols.txt); do
    grep -qw "$function" ffi/tests/c/sequences.c || fail "sequences.c never calls $function"
done
program ffi/tests/c/sequences.c sequences
"$out/sequences" 200000 1 "$OTOSCOPE_CONFIG" || fail "calls in random order"
$careful "$out/sequences" 3000 2 "$OTOSCOPE_CONFIG" >/dev/null || fail "calls in random order under valgrind"
program ffi/tests/c/threads.c threads
"$out/threads" 200 || fail "threads"
valgrind -q --tool=drd --error-exitcode=99 "$out/threads" 16 >/dev/null || fail "threads under drd"
program ffi/tests/c/silent.c silent
"$out/silent" "$OTOSCOPE_CONFIG" >"$out/stdout" || fail "a system call, or a wrong answer, after create"
cat "$out/stdout"
if grep -q SKIPPED "$out/stdout"; then :; elif "$out/silent" "$OTOSCOPE_CONFIG" loud 2>/dev/null; then fail "a system call on purpose was not seen"; fi
say "nothing, random order and threads do no harm, and no system call is made"

# The C++ interface.
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || { say "SKIPPED $compiler: not installed"; continue; }
    for source in examples/cpp/tests.cpp examples/cpp/server.cpp; do
        name=cpp_$(basename "$source" .cpp)
        $compiler -std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -O1 -gdwarf-4 -Iinclude "$source" -o "$out/$name" -L"$lib" -lotoscope '-Wl,-rpath,$ORIGIN' -lpthread
        "$out/$name" >"$out/stdout" 2>"$out/stderr" || { cat "$out/stderr" >&2; fail "$source built by $compiler"; }
    done
    [ "$(grep -c ' 1 finding$' "$out/stdout")" -eq 2 ] || { cat "$out/stdout" >&2; fail "server.cpp ($compiler) should find one step a worker"; }
done
$careful "$out/cpp_tests" >/dev/null || fail "otoscope.hpp under valgrind"
say "otoscope.hpp keeps its promises"

valgrind -q --error-exitcode=99 --leak-check=full "$out/server" >"$out/server.txt" || fail "the server under valgrind"
sh ffi/tests/heard.sh C "$out/server.txt"

sh ffi/install/check.sh "$lib"
sh ffi/tests/bindings.sh "$lib"
