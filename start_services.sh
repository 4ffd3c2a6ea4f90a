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
  ./start_services.sh ingestor aggregator   only these services: tracker run ingestor aggregator
  ./start_services.sh COMMAND --help        any other command of tracker

Exit codes: 0 done, 1 found a problem, 2 bad usage or configuration, 3 an outside system is unavailable.
TEXT
}

# The commands of tracker are the files of services/cli, as tracker itself has it; every other word names a service.
is_command() { [ -f "$ROOT/services/cli/${1//-/_}.py" ]; }

case "${1:-}" in
    -h | --help)
        usage
        exit
        ;;
    "") set -- run ;;
    -*) ;; # an option of tracker itself
    *) if ! is_command "$1"; then set -- run "$@"; fi ;;
esac

prepare all
exec "$VENV/bin/tracker" "$@"
