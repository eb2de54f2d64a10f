#!/usr/bin/env bash
# Fuzzes what strangers write, each target for so many seconds: scripts/fuzz.sh [SECONDS].
# cargo-fuzz asks the compiler for sanitizers, which a stable one gives when RUSTC_BOOTSTRAP is set.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}

command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked --quiet
export RUSTC_BOOTSTRAP=1
# One folder for all that is built: much of it is the same for both crates.
export CARGO_TARGET_DIR=$PWD/target/fuzz
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

fuzz() { # CRATE TARGET
    cd "$1"
    mkdir -p "fuzz/corpus/$2"
    cargo fuzz run "$2" "fuzz/corpus/$2" "fuzz/seeds/$2" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
}

for crate in kinitro-core kinitro-chain; do
    (cd "$crate" && cargo fuzz build)
    running=()
    for target in $(cd "$crate" && cargo fuzz list); do
        (fuzz "$crate" "$target") >"$logs/$target" 2>&1 &
        running+=("$!:$target")
    done
    # A target takes one core, and what is not fuzzed at the same time takes as long again.
    for run in "${running[@]}"; do
        wait "${run%%:*}" || {
            cat "$logs/${run#*:}"
            echo "error: $crate: ${run#*:} found something" >&2
            exit 1
        }
        tail -n 12 "$logs/${run#*:}"
    done
done
