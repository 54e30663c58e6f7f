#!/bin/sh
# The examples in Go and Java, built and run where their toolchains are: `make test-c` calls this.
#
#     ffi/tests/bindings.sh FOLDER      (with the built libotoscope.so)
set -eu
built=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
out=$built/c
mkdir -p "$out"
soname=$(objdump -p "$built/libotoscope.so" | awk '$1 == "SONAME" { print $2 }')
ln -sf ../libotoscope.so "$out/$soname"
say() { echo "bindings.sh: $*"; }
fail() { say "$*" >&2; exit 1; }
check() { sh ffi/tests/heard.sh "$1" "$2"; }

if command -v go >/dev/null && [ "$(go env CGO_ENABLED)" = 1 ]; then
    (
        cd examples/go
        export CGO_CFLAGS="-I$PWD/../../include" CGO_LDFLAGS="-L$built -lotoscope -Wl,-rpath,$out" GOFLAGS=-mod=mod GOTOOLCHAIN=local
        [ -z "$(gofmt -l .)" ] || fail "gofmt: $(gofmt -l .)"
        go vet . && go build -o "$out/go-server" .
    ) || fail "Go"
    "$out/go-server" >"$out/go.txt"
    check Go "$out/go.txt"
else
    say "SKIPPED Go: not installed, or without cgo"
fi

java=
for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -x "$home/bin/javac" ] || continue
    version=$("$home/bin/javac" -version 2>&1 | sed 's/javac \([0-9]*\).*/\1/')
    [ "$version" -ge 22 ] && java=$home && break
done
if [ -n "$java" ]; then
    rm -rf "$out/java"
    "$java/bin/javac" -Xlint:all,-restricted -Werror -d "$out/java" examples/java/*.java || fail "Java"
    "$java/bin/java" --enable-native-access=ALL-UNNAMED -cp "$out/java" Server "$built/libotoscope.so" >"$out/java.txt" 2>"$out/java.err" || { cat "$out/java.err" >&2; fail "Java"; }
    check "Java $version" "$out/java.txt"
else
    say "SKIPPED Java: no JDK 22 or newer"
fi
