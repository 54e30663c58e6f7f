#!/bin/sh
# Installs into an empty place and builds programs against what is there, as a stranger would: by pkg-config, by CMake, shared and static,
# and from a prefix that was moved.
#
#     ffi/install/check.sh FOLDER      (with the built libraries)
set -eu
built=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
for tool in pkg-config cmake; do
    command -v $tool >/dev/null || { echo "check.sh: SKIPPED installation: $tool is missing"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "check.sh: $*"; }
fail() { say "$*" >&2; exit 1; }

PREFIX=$work/usr ffi/install/install.sh "$built" >/dev/null
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig"
gcc -std=c99 examples/c/tone.c -o "$work/tone"
"$work/tone" "$work/tone.wav"

# shellcheck disable=SC2046 # flags are words
gcc -std=c99 examples/c/probe.c -o "$work/shared" $(pkg-config --cflags --libs otoscope)
LD_LIBRARY_PATH=$work/usr/lib "$work/shared" "$work/tone.wav" >"$work/shared.json" 2>/dev/null || fail "built by pkg-config, it does not run"
# shellcheck disable=SC2046
gcc -std=c99 examples/c/probe.c -o "$work/static" $(pkg-config --cflags otoscope) "$work/usr/lib/libotoscope.a" $(pkg-config --static --libs-only-l otoscope | sed 's/-lotoscope//')
"$work/static" "$work/tone.wav" 2>/dev/null | cmp -s - "$work/shared.json" || fail "built statically, it says something else"
[ "$(pkg-config --modversion otoscope)" = "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)" ] || fail "the version is not that of the workspace"

# Packagers install below a root of their own; the files name the prefix without it.
DESTDIR=$work/stage PREFIX=/usr/oto ffi/install/install.sh "$built" >/dev/null
diff -r "$work/stage/usr/oto" "$work/usr" >"$work/destdir.txt" || true
grep -q "^prefix=/usr/oto$" "$work/stage/usr/oto/lib/pkgconfig/otoscope.pc" || fail "otoscope.pc does not name the prefix of the package"
! grep -v 'otoscope.pc$\|^[<>-]\|^[0-9]' "$work/destdir.txt" | grep . || fail "an installation below DESTDIR differs"

# The prefix moves: CMake finds what is beside its files.
mv "$work/usr" "$work/elsewhere"
mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
find_package(otoscope 0.1 REQUIRED)
add_executable(shared $PWD/examples/c/probe.c)
target_link_libraries(shared otoscope::otoscope)
add_executable(static $PWD/examples/c/probe.c)
target_link_libraries(static otoscope::static)
add_executable(server $PWD/examples/cpp/server.cpp)
target_compile_features(server PRIVATE cxx_std_17)
find_package(Threads REQUIRED)
target_link_libraries(server otoscope::otoscope Threads::Threads)
CMAKE
cmake -S "$work/project" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/elsewhere" >"$work/cmake.txt" 2>&1 && cmake --build "$work/build" >>"$work/cmake.txt" 2>&1 || { cat "$work/cmake.txt" >&2; fail "CMake"; }
for kind in shared static; do
    "$work/build/$kind" "$work/tone.wav" 2>/dev/null | cmp -s - "$work/shared.json" || fail "built by CMake ($kind), it says something else"
done
"$work/build/server" >/dev/null 2>&1 || fail "the C++ program does not run"
sed -i 's/otoscope 0.1 REQUIRED/otoscope 0.9 REQUIRED/' "$work/project/CMakeLists.txt"
! cmake -S "$work/project" -B "$work/third" -DCMAKE_PREFIX_PATH="$work/elsewhere" >/dev/null 2>&1 || fail "another series is taken for this one"
say "an installation is found by pkg-config and CMake, shared and static, and may be moved"
