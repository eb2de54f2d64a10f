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
for crate in kinitro-core kinitro-chain; do
    cd "$crate"
    for target in $(cargo fuzz list); do
        mkdir -p "fuzz/corpus/$target"
        cargo fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
            -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
    done
    cd ..
done
