#!/usr/bin/env bash
# Counts the instructions of every case with valgrind and writes them down as record/<cpu>/<date>.csv.
#
#   benches/callgrind.sh                 all cases, 10 s of signal each
#   benches/callgrind.sh TEXT            only cases with TEXT in their name; printed, nothing is recorded
#   SECONDS_EACH=2 benches/callgrind.sh  less of each signal; printed only
#   KEEP=DIR benches/callgrind.sh TEXT   keeps the profiles there, for callgrind_annotate
#
# Counts repeat to less than 1 % on any host, however busy; they see neither cache misses nor waiting. Valgrind runs AVX2
# and FMA, not AVX-512, so the C library's copies may differ from those of the bare machine.
set -euo pipefail
cd "$(dirname "$0")/.."

only=${1:-}
seconds=${SECONDS_EACH:-10}
flags=(--tool=callgrind --toggle-collect='speed::counted*')

cargo build --quiet --release -p otoscope-benches --bin speed 2>/dev/null ||
    cargo build --release -p otoscope-benches --bin speed
speed=${CARGO_TARGET_DIR:-target}/release/speed

profile() { # case -> samples instructions
    local out=/dev/null log samples
    if [ -n "${KEEP:-}" ]; then
        mkdir -p "$KEEP"
        out=$KEEP/$(tr '/:' '__' <<<"$1").callgrind
    fi
    log=$(mktemp)
    samples=$(valgrind "${flags[@]}" --callgrind-out-file="$out" --log-file="$log" \
        "$speed" --count "$1" --seconds "$seconds")
    echo "$samples $(sed -n 's/.*Collected : //p' "$log")"
    rm -f "$log"
}

rows=$(
    "$speed" --list | { grep -F -- "$only" || true; } | while read -r case; do
        read -r samples instructions < <(profile "$case")
        awk -v c="$case" -v s="$samples" -v i="$instructions" 'BEGIN { printf "%s,%d,%d,%.2f\n", c, s, i, i / s }'
    done
)
head='case,samples,instructions,instructions_per_sample'
if [ -n "$only" ] || [ "$seconds" != 10 ]; then
    printf '%s\n%s\n' "$head" "$rows"
    exit
fi

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
cpu=${cpu:-$(uname -m)}
folder=benches/record/$(tr 'A-Z' 'a-z' <<<"$cpu" | tr -cs 'a-z0-9\n' '-' | sed 's/^-//; s/-$//')
mkdir -p "$folder"
file=$folder/$(date -u +%F).csv
{
    echo "# cpu: $cpu; valgrind: $(valgrind --version); $(rustc --version); profile: release, no RUSTFLAGS"
    echo "# commit: $(git rev-parse --short HEAD)$(git diff --quiet HEAD -- core benches ':!benches/record' || echo ' with changes')"
    echo "# command: benches/callgrind.sh"
    printf '%s\n%s\n' "$head" "$rows"
} >"$file"
cat "$file"
