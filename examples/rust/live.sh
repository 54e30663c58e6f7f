#!/usr/bin/env bash
# `make demo-live`: the simulated server, with real stores where KAFKA=1 or ELASTIC=1 asks for them; they are fetched, started and stopped here.
set -euo pipefail
cd "$(dirname "$0")/../.."

servers=export/servers/servers.sh
config=build/live.toml
features=()
started=()
stop() { for name in "${started[@]}"; do bash "$servers" stop "$name"; done; }
trap stop EXIT
start() {
    echo "fetching and starting $1"
    started+=("$1")
    bash "$servers" fresh "$1"
}

rm -rf build/live
mkdir -p build
: >"$config"
if [ -n "${KAFKA:-}" ]; then
    start kafka
    features=(--features kafka)
    printf '[kafka]\nbootstrap_servers = "127.0.0.1:19092"\ncreate_topic = { partitions = 6, replication_factor = 1 }\n' >>"$config"
fi
if [ -n "${ELASTIC:-}" ]; then
    start elasticsearch
    printf '[elasticsearch]\nurl = "http://127.0.0.1:19200"\n' >>"$config"
fi
"${CARGO:-cargo}" run --quiet --release -p otoscope-examples "${features[@]}" --bin live -- build/live "$config"
