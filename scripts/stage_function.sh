#!/bin/sh
# An empty folder's name in, the source of the macro engine's Cloud Function in it out: its door, its locked requirements
# and the code they need. What Cloud Build uploads, and what the tests start.
set -eu

root=$(cd -- "$(dirname -- "$0")/.." && pwd)
stage=${1:?names the folder}

mkdir -p "$stage/services"
cp "$root/infra/functions/macro_engine/main.py" "$root/infra/functions/macro_engine/requirements.txt" "$stage"
cp "$root/services/__init__.py" "$root/services/wiring.py" "$stage/services"
cp -R "$root/services/macro_engine" "$stage/services/macro_engine"
cp -R "$root/shared" "$stage/shared"
find "$stage" -type d -name __pycache__ -prune -exec rm -rf {} +
