#!/bin/sh
# Writes a C program that calls every function of the header with NULL and 0 for everything: made from the prototypes, so that no new
# function can be forgotten. What answers with a status must refuse; a batch of nothing is the one call in which nothing is missing.
set -eu
header=$1
cat <<'C'
#include "otoscope.h"
#include <stdio.h>
static int bad, calls;
static void answered(const char *name, int right, oto_status status) {
    calls++;
    if (!right) {
        bad++;
        printf("%s: %d\n", name, (int)status);
    }
}
static void refused(const char *name, oto_status status) { answered(name, status < 0, status); }
static void done(const char *name, oto_status status) { answered(name, status == OTO_OK, status); }
int main(void) {
C
sed -e '/^[ \/]\*/d' -e '/^\/\*/d' -e '/^#/d' "$header" | tr '\n' ' ' | tr ';' '\n' | grep -o '[a-z_0-9]* \**oto_[a-z0-9_]*([^)]*)' | grep -v '^typedef' | while read -r type rest; do
    name=$(echo "$rest" | sed 's/^\**\(oto_[a-z0-9_]*\)(.*/\1/')
    args=$(echo "$rest" | sed 's/^[^(]*(\(.*\))/\1/')
    zeros=
    if [ "$args" != void ]; then
        zeros=$(echo "$args" | awk -F, '{ for (i = 1; i <= NF; i++) printf "%s0", (i > 1 ? ", " : "") }')
    fi
    case $type$rest in
    oto_statusoto_batch_*) echo "    done(\"$name\", $name($zeros));" ;;
    oto_status*) echo "    refused(\"$name\", $name($zeros));" ;;
    *) echo "    $name($zeros); calls++;" ;;
    esac
done
cat <<'C'
    printf("%d functions called with nothing\n", calls);
    return bad;
}
C
