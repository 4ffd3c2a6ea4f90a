#!/usr/bin/env bash
# pyproject.toml in, requirements/<service>.txt and the list of the Cloud Function out: what each image and the function
# install, every file pinned by hash.
#   scripts/lock.sh              keeps the versions that are locked and adds what pyproject.toml asks for since
#   scripts/lock.sh --upgrade    takes the newest versions that pyproject.toml allows
# Needs uv (https://docs.astral.sh/uv/); UV names another one. The files name no package index: the machine that
# installs from them has its own.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
UV=${UV:-uv}

# A service and the extras of its image: its own, and the cloud clients behind the ports that it asks for.
IMAGES=(
    "ingestor: ingestor pubsub"
    "aggregator: aggregator pubsub bigtable"
    "backfiller: backfiller pubsub bigtable"
    "logic_engine: logic-engine pubsub bigtable"
    "telegram_notifier: telegram-notifier gcp"
    "macro_engine: macro-engine pubsub bigtable"
    "sandbox: sandbox"
)
# The same for the Cloud Function, whose source folder has its own list.
FUNCTION="macro-engine functions pubsub bigtable"

if ! command -v "$UV" >/dev/null; then
    printf '%s\n' "uv is not installed; install it (pip install uv) or name it: UV=/path/to/uv $0" >&2
    exit 3
fi

# lock FILE EXTRAS [OPTION ...]
lock() {
    local file=$1 extras=() extra
    for extra in $2; do
        extras+=(--extra "$extra")
    done
    printf 'locking %s\n' "$file" >&2
    "$UV" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
        "${extras[@]}" "${@:3}" --output-file "$file" pyproject.toml
}

cd "$ROOT"
mkdir -p requirements
for image in "${IMAGES[@]}"; do
    lock "requirements/${image%%:*}.txt" "${image#*:}" "$@"
done
lock infra/functions/macro_engine/requirements.txt "$FUNCTION" "$@"
