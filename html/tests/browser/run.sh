#!/usr/bin/env bash
# Opens reports in a real browser. Installs what is missing: Chromium and Node by apt, playwright-core by npm.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
command -v chromium >/dev/null || [ -n "${CHROMIUM:-}" ] || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "otoscope: please install: ${missing[*]} (CHROMIUM=/path/to/chromium names another browser of its kind)" >&2
        exit 2
    fi
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund

repo=$(cd ../../.. && pwd)
# The profile of the tests: after `make test-rust` there is little left to build.
(cd "$repo" && "${CARGO:-cargo}" build --quiet --profile test -p otoscope-cli)
export CHROMIUM=${CHROMIUM:-$(command -v chromium)}
export OTOSCOPE=${CARGO_TARGET_DIR:-$repo/target}/debug/otoscope SPEECH=$repo/fixtures/speech
node --test --test-reporter=spec report.test.mjs
