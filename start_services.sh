#!/usr/bin/env bash
# Sets up its own virtual environment (Python 3.11+ and a package index are enough), then starts the platform.
# Relative paths (tracker.toml, var/, files you name) are those of the folder you call it from.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python_env.sh
source "$ROOT/scripts/python_env.sh"

usage() {
    cat <<'TEXT'
Usage: ./start_services.sh [COMMAND or SERVICE ...]

  ./start_services.sh                       every service in one process: tracker run
  ./start_services.sh demo --minutes 240    the whole platform with no account and no network: tracker demo ...
  ./start_services.sh emulators --sandbox   each service as its own process on Google's emulators and Redis
  ./start_services.sh gcp                   every service in one process against a real project (GOOGLE_CLOUD_PROJECT)
  ./start_services.sh ingestor aggregator   only these services: tracker run ingestor aggregator
  ./start_services.sh COMMAND --help        any other command of tracker

Exit codes: 0 done, 1 found a problem, 2 bad usage or configuration, 3 an outside system is unavailable.
TEXT
}

# The commands of tracker are the files of services/cli; every other word names a service.
is_command() { [ -f "$ROOT/services/cli/${1//-/_}.py" ]; }

case "${1:-}" in
    -h | --help)
        usage
        exit
        ;;
    "") set -- run ;;
    gcp)
        if [ -z "${GOOGLE_CLOUD_PROJECT:-}" ]; then
            printf 'start_services.sh gcp: name the project: export GOOGLE_CLOUD_PROJECT=my-project\n' >&2
            exit 2
        fi
        export TRACKER__BUS=pubsub TRACKER__STORE=bigtable
        shift
        set -- run "$@"
        ;;
    -*) ;; # an option of tracker itself
    *) if ! is_command "$1"; then set -- run "$@"; fi ;;
esac

prepare all
exec "$VENV/bin/tracker" "$@"
