#!/bin/sh
# Runs every example and checks what it says: that it compiles is not that it works.
#
# CI calls this after `make test`, which builds them: with the features of the whole workspace, since a
# build of this one package would compile half of what it depends on again.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
work=$(mktemp -d)
server=
# The server is ended here too when a check fails half-way.
trap 'status=$?; if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"; exit "$status"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "examples: error: $1" >&2
    [ ! -f "$2" ] || sed 's/^/    /' "$2" >&2
    exit 1
}

# Runs an example and looks for a line in its output: NAME PATTERN [ARGUMENT...]
run() {
    name=$1 pattern=$2
    shift 2
    echo "examples: $name $*" >&2
    timeout 120 "$examples/$name" "$@" >"$work/out" 2>&1 ||
        fail "$name failed or took more than two minutes" "$work/out"
    grep -Eq "$pattern" "$work/out" || fail "$name did not say /$pattern/ but" "$work/out"
}

echo "examples: building" >&2
cargo build --quiet --workspace --examples
examples=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/examples

run judge_in_process '^[1-9][0-9]* of 50 episodes solved metaworld/reach-v3$'
run judge_over_http '^metaworld/reach-v3: [0-5] of 5 episodes'
run publish_on_a_chain '^the weights are in force$'
run custom_environment '^expert in rail/mark-v0: 100 of 100 episodes'

# The two halves of the protocol against each other.
echo "examples: serve_policy, judged by judge_over_http" >&2
"$examples/serve_policy" 127.0.0.1:0 >"$work/server" 2>&1 &
server=$!
url=
for _ in $(seq 100); do
    url=$(sed -n 's/^serving on //p' "$work/server")
    [ -z "$url" ] || break
    sleep 0.1
done
[ -n "$url" ] || fail "serve_policy did not say where it listens" "$work/server"
run judge_over_http '^metaworld/reach-v3: [1-5] of 5 episodes' "$url"
if grep -q fault "$work/out"; then fail "an episode ended in a fault" "$work/out"; fi
kill -INT "$server"
for _ in $(seq 100); do
    [ "$(tail -n 1 "$work/server")" != stopped ] || break
    sleep 0.1
done
[ "$(tail -n 1 "$work/server")" = stopped ] ||
    fail "serve_policy did not stop within 10 s of an interrupt" "$work/server"
wait "$server" || fail "serve_policy did not end well after an interrupt" "$work/server"
server=

echo "examples: all five do what they say" >&2
