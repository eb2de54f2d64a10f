#!/usr/bin/env bash
# Runs all tests. Where a part of the machine is missing it runs the rest, its last lines say what
# was left out, and with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
scratch=$(mktemp -d)
chmod 755 "$scratch"
parts=
clean_up() {
    # A job in the background does not hear of ctrl-C.
    [ -z "$parts" ] || kill "$parts" 2>/dev/null || true
    rm -f "$log"
    bash scripts/postgres.sh remove "$scratch/server" || true
    rm -rf "$scratch"
}
trap clean_up EXIT

# What comes from elsewhere. Tests that need a part and do not find it say so.
get_parts() {
    local packages=()
    command -v chromium >/dev/null || packages+=(chromium)
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || packages+=(faketime)
    if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${packages[@]}" >/dev/null || true
    fi
    bash scripts/postgres.sh start "$scratch/server" >"$scratch/postgres" || true
    bash scripts/foreign_client.sh ||
        echo "NOT TESTED: foreign clients: the Bittensor SDK could not be installed"
    bash scripts/schemathesis.sh || true
}

skip=()
if ! python3 scripts/setup.py --has-graphics; then
    skip=(--skip picture)
    echo "NOT TESTED: pictures: there is no EGL driver (see make setup)" >>"$log"
fi

# The parts are a matter of downloads and the build is one of computing: side by side.
get_parts >"$scratch/parts" 2>&1 &
parts=$!
cargo test --workspace --no-run
# The program that many of them start.
cargo build --workspace --bin kinitro
wait "$parts" || true
parts=
tee -a "$log" <"$scratch/parts"

KINITRO_TEST_POSTGRES=$(cat "$scratch/postgres")
if [ -n "$KINITRO_TEST_POSTGRES" ]; then
    export KINITRO_TEST_POSTGRES
else
    unset KINITRO_TEST_POSTGRES
fi

cargo test --workspace --no-fail-fast -- "${skip[@]}" 2>&1 | tee -a "$log"

# Tests say so themselves where they lack a part of the machine. What lies beside the project and is
# no part of it ("SKIPPED") may be missing.
left_out=$(grep -E '^(NOT TESTED|SKIPPED):' "$log" | sort -u || true)
if [ -n "$left_out" ]; then
    printf '\nLEFT OUT:\n%s\n' "$left_out"
    if [ "${CI:-}" = true ] && grep -q '^NOT TESTED:' <<<"$left_out"; then
        echo "error: with CI=true nothing may be left out" >&2
        exit 1
    fi
fi
