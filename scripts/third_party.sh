#!/bin/sh
# Proves what the README promises a third party: a crate outside this workspace that adds
# kinitro-eval builds and runs with the documented set-up, and without MuJoCo where it wants none.
#
# Call it after `make setup`. Nothing of the workspace reaches the new crate but its path: neither
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

# Makes a package that depends on kinitro-eval: NAME DEPENDENCY. Its main.rs comes from stdin.
new_crate() {
    mkdir -p "$work/$1/src"
    cat >"$work/$1/src/main.rs"
    cat >"$work/$1/Cargo.toml" <<END
[package]
name = "$1"
version = "0.1.0"
edition = "2024"

[features]
serve = ["kinitro-eval/serve"]

[dependencies]
kinitro-eval = $2
END
    # The versions that were tested here: what a registry has got since is not what is judged.
    cp "$root/Cargo.lock" "$work/$1/"
    cd "$work/$1"
}

[ -f "$mujoco/mujoco.pc" ] || fail "there is no $mujoco/mujoco.pc; run make setup"
command -v pkg-config >/dev/null || fail "there is no pkg-config; install it"

new_crate newcomer "{ path = \"$root/kinitro-eval\" }" <<'END'
use kinitro_eval::{Evaluation, EvaluationError, RandomPolicy, Registry};

fn main() -> Result<(), EvaluationError> {
    let report = Evaluation::new(RandomPolicy::new(Registry::builtin()))
        .env("metaworld/reach-v3")
        .episodes(2)
        .max_steps(20)
        .run_blocking()?;
    let reach = &report.summary.environments[0];
    let (of, steps, faults) = (reach.episodes, report.summary.steps, reach.faults.len());
    println!("{}: {of} episodes, {steps} steps, {faults} faults", reach.env_id);
    Ok(())
}
END
say "building a crate with kinitro-eval's default features"
PKG_CONFIG_PATH=$mujoco cargo build --quiet || fail "it does not build"
say "running it"
# From a folder that is not the crate's, since a user's would be any.
said=$(cd / && "$CARGO_TARGET_DIR/debug/newcomer") || fail "it does not run"
[ "$said" = "metaworld/reach-v3: 2 episodes, 40 steps, 0 faults" ] ||
    fail "two episodes of 20 steps should have been run without faults, but it said: $said"

new_crate without-mujoco "{ path = \"$root/kinitro-eval\", default-features = false }" <<'END'
use kinitro_eval::policy::HttpPolicyError;
use kinitro_eval::{Evaluation, HttpPolicy, Registry};

fn main() -> Result<(), HttpPolicyError> {
    let registry = Registry::builtin();
    assert!(registry.env_ids().is_empty(), "an environment without a simulator");
    println!("{:?}", Evaluation::new(HttpPolicy::new("http://127.0.0.1:8000")?).registry(registry));
    #[cfg(feature = "serve")]
    println!("{}", std::any::type_name::<kinitro_eval::policy::serve::PolicyServer>());
    Ok(())
}
END
# No pkg-config either, in case this machine has a MuJoCo of its own.
unset PKG_CONFIG_PATH
for features in "" serve; do
    say "checking a crate without default features${features:+, with $features}"
    cargo check --quiet --features "$features" || fail "it does not build without MuJoCo"
    tree=$(cargo tree --features "$features" --prefix none) || fail "its dependencies are not told"
    if echo "$tree" | grep '^mujoco' >&2; then fail "it depends on MuJoCo all the same"; fi
done

say "a crate outside this workspace builds and runs"
