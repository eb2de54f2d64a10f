#!/usr/bin/env bash
# Makes target/foreign: a Python environment with the Bittensor SDK that our chain and our wallets
# are tested against. Idempotent. Tests that need it and do not find it say so.
set -euo pipefail
cd "$(dirname "$0")/.."

# The versions that docs/CHAIN.md names, and the wallet and beacon libraries that go with them.
packages=(bittensor==10.1.0 async-substrate-interface==1.5.15 bittensor-wallet==4.1.1
    bittensor-drand==1.3.0)
folder=target/foreign
stamp="$folder/packages.txt"

# An environment whose Python is gone does not run.
if [ "$(cat "$stamp" 2>/dev/null)" != "${packages[*]}" ] ||
    ! "$folder/bin/python" -c 'import bittensor' >/dev/null 2>&1; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    echo "${packages[*]}" >"$stamp"
fi
