#!/usr/bin/env bash
# Follows CONTRIBUTING.md's "Add a metric in five steps" literally, in a copy of the tracked files, and runs the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy" 2>/dev/null || true
cd "$copy"
git init -q && git add -A

python3 - <<'PY'
import pathlib
import re

page = pathlib.Path("CONTRIBUTING.md").read_text()
blocks = re.findall(r"```rust (file|line)=(\S+)\n(.*?)```", page, re.S)
assert len(blocks) == 3, f"{len(blocks)} blocks in CONTRIBUTING.md"
for kind, name, text in blocks:
    path = pathlib.Path(name)
    if kind == "file":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    else:
        source = path.read_text()
        head, tail = source.split("register! {\n", 1)
        body, rest = tail.split("\n}\n", 1)
        path.write_text(head + "register! {\n" + body + "\n" + text.rstrip("\n") + "\n}\n" + rest)
PY

# The copy's own target folder, but the crates of others need not be built again.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/newcomer"
cargo run --quiet -p otoscope-tests --bin docs
# The state of a stream is held to 16 kB for the metrics of the repository; a newcomer's comes on top.
cargo test --quiet -p otoscope -p otoscope-tests -- --skip a_stream_keeps_little_memory
test -s docs/metrics/centroid.md
cargo run --quiet -p otoscope-cli -- probe fixtures/speech/ja_kokoro_alpha.flac --metrics centroid --json | grep -q '"mean_hz":'
echo "a newcomer's metric works"
