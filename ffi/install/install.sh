#!/bin/sh
# Installs the C library: headers, shared and static library, pkg-config file, CMake package.
#
#     PREFIX=/usr/local LIBDIR=lib DESTDIR= ffi/install/install.sh FOLDER
#
# FOLDER holds the built libotoscope.so and libotoscope.a (target/release). `make install` builds them first.
set -eu
built=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-lib}
to=${DESTDIR:-}$prefix

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
soname=$(objdump -p "$built/libotoscope.so" | awk '$1 == "SONAME" { print $2 }')
# The system's libraries that the static one needs.
private="-lm -lpthread -ldl"
up=$(echo "$libdir/cmake/otoscope" | sed 's|[^/][^/]*|..|g')

fill() {
    sed -e "s|@PREFIX@|$prefix|g" -e "s|@LIBDIR@|$libdir|g" -e "s|@VERSION@|$version|g" -e "s|@SERIES@|${version%.*}|g" \
        -e "s|@SONAME@|$soname|g" -e "s|@PRIVATE@|$private|g" -e "s|@PRIVATE_NAMES@|m;pthread;dl|g" -e "s|@TO_PREFIX@|$up|g" "$1"
}

install -d "$to/include" "$to/$libdir/pkgconfig" "$to/$libdir/cmake/otoscope"
install -m 644 "$root/include/otoscope.h" "$root/include/otoscope.hpp" "$to/include/"
install -m 755 "$built/libotoscope.so" "$to/$libdir/libotoscope.so.$version"
ln -sf "libotoscope.so.$version" "$to/$libdir/$soname"
ln -sf "$soname" "$to/$libdir/libotoscope.so"
install -m 644 "$built/libotoscope.a" "$to/$libdir/"
fill "$here/otoscope.pc.in" >"$to/$libdir/pkgconfig/otoscope.pc"
fill "$here/otoscope-config.cmake.in" >"$to/$libdir/cmake/otoscope/otoscope-config.cmake"
fill "$here/otoscope-config-version.cmake.in" >"$to/$libdir/cmake/otoscope/otoscope-config-version.cmake"
echo "installed libotoscope $version below $to"
