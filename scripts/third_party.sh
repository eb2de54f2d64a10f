#!/bin/sh
# Proves what the README promises a third party: crates outside this workspace that use kinitro-eval
# build and run with the documented set-up, work without MuJoCo, and can implement each trait and run
# the published suites on their implementations. The crates are in tests/third_party.
#
# Call it after `make setup`. Nothing of the workspace reaches the crates but its path: neither
# .cargo/config.toml, which applies to folders below this one only, nor the features that other
# members switch on.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
mujoco=$root/third_party/mujoco
# A folder of its own: the build script of mujoco-rs runs again whenever its environment changes, so
# that a shared one would be rebuilt at every turn. A relative CARGO_TARGET_DIR would mean another
# folder from the new crate.
CARGO_TARGET_DIR=$(cd "$root" && mkdir -p "${CARGO_TARGET_DIR:-target}/third-party" &&
    cd "${CARGO_TARGET_DIR:-target}/third-party" && pwd)
export CARGO_TARGET_DIR
# Nobody debugs these, and the build takes less time and room.
export CARGO_PROFILE_DEV_DEBUG=0
unset MUJOCO_DYNAMIC_LINK_DIR MUJOCO_STATIC_LINK_DIR MUJOCO_DOWNLOAD_DIR LD_LIBRARY_PATH

work=$(mktemp -d)
trap 'status=$?; rm -rf "$work"; exit "$status"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
    echo "third party: $1" >&2
}

fail() {
    say "error: $1"
    exit 1
}

# Goes to a copy of the crate NAME outside the workspace.
enter() {
    cp -R "$root/tests/third_party/$1" "$work/$1"
    cd "$work/$1"
    sed "s|\.\./\.\./\.\./|$root/|" "$root/tests/third_party/$1/Cargo.toml" >Cargo.toml
    # The versions that were tested here: what a registry has got since is not what is judged.
    cp "$root/Cargo.lock" .
}

[ -f "$mujoco/mujoco.pc" ] || fail "there is no $mujoco/mujoco.pc; run make setup"
command -v pkg-config >/dev/null || fail "there is no pkg-config; install it"

enter newcomer
say "building a crate with kinitro-eval's default features"
PKG_CONFIG_PATH=$mujoco cargo build --quiet || fail "it does not build"
say "running it"
# From a folder that is not the crate's, since a user's would be any.
said=$(cd / && "$CARGO_TARGET_DIR/debug/newcomer") || fail "it does not run"
[ "$said" = "metaworld/reach-v3: 2 episodes, 40 steps, 0 faults" ] ||
    fail "two episodes of 20 steps should have been run without faults, but it said: $said"

enter without_mujoco
# No pkg-config either, in case this machine has a MuJoCo of its own.
unset PKG_CONFIG_PATH
for features in "" http serve; do
    say "checking a crate without default features${features:+, with $features}"
    cargo check --quiet --features "$features" || fail "it does not build without MuJoCo"
    tree=$(cargo tree --features "$features" --prefix none) || fail "its dependencies are not told"
    if echo "$tree" | grep '^mujoco' >&2; then fail "it depends on MuJoCo all the same"; fi
done

enter implementations
say "running the conformance suites on another crate's implementations"
cargo test --quiet || fail "an implementation does not pass, or cannot be written"

say "crates outside this workspace build and run"
