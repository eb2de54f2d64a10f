#!/bin/sh
# Proves that each feature of kinitro-eval builds alone and without warnings, and that none brings
# dependencies that it has no use for. Needs `make setup`.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "features: error: $1" >&2
    exit 1
}

for features in "" http serve mujoco bench executor validator storage api scheduler; do
    echo "features: checking kinitro-eval with ${features:-no features}" >&2
    cargo clippy --quiet -p kinitro-eval --no-default-features --features "$features" -- \
        -D warnings || fail "kinitro-eval does not build with ${features:-no features} alone"
done

# lacks FEATURES DEPENDENCY...: that crate is not built for those features. `default` are the
# default ones.
lacks() {
    features=$1
    shift
    flags="--no-default-features --features $features"
    if [ "$features" = default ]; then flags=; fi
    # shellcheck disable=SC2086 # the flags are several words
    tree=$(cargo tree --quiet --locked -p kinitro-eval -e normal --prefix none $flags) ||
        fail "the dependencies of $features are not told"
    for dependency in "$@"; do
        if echo "$tree" | grep -q "^$dependency v"; then
            fail "kinitro-eval with $features alone depends on $dependency"
        fi
    done
}

# What a mistake of ours would hide behind: a name that no crate has.
cargo tree --quiet --locked -p kinitro-eval -e normal --prefix none --features backend,bench,serve \
    >target/features.txt || fail "the dependencies of all features are not told"
for dependency in axum hyper-util kinitro-chain mujoco-rs prometheus-client reqwest sqlx utoipa; do
    grep -q "^$dependency v" target/features.txt || fail "no feature depends on $dependency"
done

lacks default axum hyper-util kinitro-chain prometheus-client sqlx utoipa
lacks mujoco axum kinitro-chain reqwest sqlx utoipa
lacks http axum kinitro-chain mujoco-rs sqlx utoipa
lacks serve kinitro-chain mujoco-rs reqwest sqlx utoipa
lacks executor axum kinitro-chain mujoco-rs sqlx utoipa
lacks validator axum mujoco-rs prometheus-client sqlx utoipa
lacks storage axum kinitro-chain mujoco-rs reqwest utoipa
lacks scheduler axum mujoco-rs reqwest utoipa
lacks api kinitro-chain mujoco-rs reqwest

echo "features: each builds alone" >&2
