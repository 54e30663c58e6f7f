#!/bin/sh
# The servers in C, Go and Java say the same: eight utterances, a hole in every second one.
#
#     ffi/tests/heard.sh LANGUAGE OUTPUT
set -eu
[ "$(grep -c 'utterance' "$2")" -eq 8 ] && [ "$(grep -c '0.500 s: 8.33 ms of digital zero' "$2")" -eq 4 ] && [ "$(grep -c ' 0 findings' "$2")" -eq 4 ] || {
    cat "$2" >&2
    echo "heard.sh: $1 heard something else" >&2
    exit 1
}
echo "heard.sh: $1 hears what is wrong"
