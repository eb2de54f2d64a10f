#!/bin/sh
# Runs all tests. Where a part of the machine is missing it runs the rest, its last lines say what
# was left out, and with CI=true that is a failure.
set -eu
cd "$(dirname "$0")/.."

KINITRO_TESTS_LEFT_OUT=$(mktemp)
export KINITRO_TESTS_LEFT_OUT
trap 'rm -f "$KINITRO_TESTS_LEFT_OUT"' EXIT

skip=""
if ! python3 scripts/setup.py --has-graphics; then
    skip="--skip picture"
    echo "tests of pictures: there is no EGL driver (see make setup)" >>"$KINITRO_TESTS_LEFT_OUT"
fi

# shellcheck disable=SC2086 # $skip is two words or none.
cargo test --workspace -- $skip

if [ -s "$KINITRO_TESTS_LEFT_OUT" ]; then
    echo
    echo "LEFT OUT:"
    sort -u "$KINITRO_TESTS_LEFT_OUT"
    if [ "${CI:-}" = true ]; then
        echo "error: with CI=true nothing may be left out" >&2
        exit 1
    fi
fi
