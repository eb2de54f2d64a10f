#!/usr/bin/env bash
# Makes target/schemathesis: a Python environment with the program that tries an API with all that its
# OpenAPI document allows, and much that it does not. Idempotent.
set -euo pipefail
cd "$(dirname "$0")/.."

package=schemathesis==4.32.5
folder=target/schemathesis
stamp="$folder/package.txt"

# An environment that was moved, or made by a Python that is gone, does not run.
if [ "$(cat "$stamp" 2>/dev/null)" != "$package" ] ||
    ! "$folder/bin/schemathesis" --version >/dev/null 2>&1; then
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$package"
    echo "$package" >"$stamp"
fi
