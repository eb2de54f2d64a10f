#!/bin/sh
# Runs all tests. Where a part of the machine is missing it runs the rest, its last lines say what
# was left out, and with CI=true that is a failure.
set -eu
cd "$(dirname "$0")/.."

skip=""
left_out=""
if ! python3 scripts/setup.py --has-graphics; then
    skip="--skip picture"
    left_out="tests of pictures: there is no EGL driver (see make setup)"
fi

# shellcheck disable=SC2086 # $skip is two words or none.
cargo test --workspace -- $skip

if [ -n "$left_out" ]; then
    printf '\nLEFT OUT:\n%s\n' "$left_out"
    if [ "${CI:-}" = true ]; then
        echo "error: with CI=true nothing may be left out" >&2
        exit 1
    fi
fi
