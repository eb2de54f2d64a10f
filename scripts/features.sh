#!/bin/sh
# Proves that each feature of kinitro-eval builds alone and without warnings, and that none brings
# dependencies that it has no use for. Call it after `make setup`.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "features: error: $1" >&2
    exit 1
}

# All that the manifest names, so that a new one cannot be forgotten, but for the one that may fetch
# MuJoCo while it builds.
features=$(cargo metadata --quiet --locked --no-deps --format-version 1 | python3 -c '
import json, sys
packages = json.load(sys.stdin)["packages"]
[features] = [p["features"] for p in packages if p["name"] == "kinitro-eval"]
print(*sorted(set(features) - {"auto-download-mujoco", "default"}))
') || fail "the features of kinitro-eval cannot be read"

check() {
    echo "features: checking kinitro-eval with ${1:-no features}" >&2
    cargo clippy --quiet --locked -p kinitro-eval --no-default-features --features "$1" -- \
        -D warnings || fail "kinitro-eval does not build with ${1:-no features} alone"
}

check ""
for feature in $features; do check "$feature"; done

# The names of all crates that kinitro-eval is built with, given cargo's flags for features.
dependencies() {
    # shellcheck disable=SC2086 # they are several words
    cargo tree --quiet --locked -p kinitro-eval -e normal --prefix none --format '{p}' $1 |
        cut -d ' ' -f 1
}

# lacks FEATURES CRATE...: those crates are no dependencies of that feature, or of the default ones.
lacks() {
    feature=$1
    shift
    flags="--no-default-features --features $feature"
    if [ "$feature" = default ]; then flags=; fi
    found=$(dependencies "$flags")
    echo "$found" | grep -qx kinitro-core || fail "the dependencies of $feature are not told"
    for crate in "$@"; do
        if echo "$found" | grep -qx "$crate"; then
            fail "kinitro-eval with $feature depends on $crate"
        fi
    done
}

# A crate that is renamed or replaced would be lacked by all.
all=$(dependencies --all-features)
for crate in axum gif kinitro-chain mujoco-rs prometheus-client reqwest rmp-serde sqlx utoipa zip; do
    echo "$all" | grep -qx "$crate" || fail "no feature depends on $crate: correct this script"
done

lacks default axum gif kinitro-chain prometheus-client sqlx utoipa
lacks mujoco axum gif kinitro-chain reqwest rmp-serde sqlx utoipa
lacks http axum gif kinitro-chain mujoco-rs sqlx utoipa zip
lacks serve kinitro-chain mujoco-rs reqwest sqlx utoipa
lacks bench kinitro-chain sqlx utoipa
lacks storage axum kinitro-chain mujoco-rs prometheus-client reqwest rmp-serde sqlx utoipa
lacks sql axum kinitro-chain mujoco-rs prometheus-client reqwest rmp-serde utoipa
lacks api kinitro-chain mujoco-rs reqwest rmp-serde sqlx
lacks scheduler axum mujoco-rs prometheus-client reqwest rmp-serde sqlx utoipa
lacks executor axum kinitro-chain mujoco-rs prometheus-client sqlx utoipa
lacks validator axum mujoco-rs prometheus-client sqlx utoipa

echo "features: each builds alone, with what it needs" >&2
