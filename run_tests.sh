#!/usr/bin/env bash
# Sets up its own virtual environment (Python 3.11+ and a package index are enough), then:
#   ./run_tests.sh                      every check: ruff, mypy, import contracts, shellcheck where it is installed, pytest
#   ./run_tests.sh tests/engine -k x    only pytest, with these arguments
# Checks that pass say nothing; the last line is pytest's. Exit code 0 when everything passed, 1 when something failed.
# Tests that need an outside system which is not there are skipped, and say so; with CI=true they must run.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python_env.sh
source "$ROOT/scripts/python_env.sh"

if [ "${CI:-}" = true ]; then
    export TRACKER_TEST_REQUIRE=1
fi
prepare dev
cd "$ROOT"
export PATH="$VENV/bin:$PATH"

if [ $# -gt 0 ]; then
    exec python -m pytest "$@"
fi

failed=""
# check NAME COMMAND...: runs the command, and shows what it said only when it failed.
check() {
    local name=$1 output
    shift
    if ! output=$("$@" 2>&1); then
        printf '=== %s failed: %s\n%s\n\n' "$name" "$*" "$output"
        failed="$failed $name"
    fi
}

check ruff python -m ruff check --quiet .
check format python -m ruff format --check --quiet .
check mypy python -m mypy --no-error-summary
check imports lint-imports
if command -v shellcheck >/dev/null; then
    check shellcheck shellcheck -x run_tests.sh start_services.sh scripts/*.sh .ci/run
fi

if [ -n "$failed" ]; then
    printf '=== checks failed (see above):%s; the tests follow\n\n' "$failed"
fi

tests=0
python -m pytest -q -n auto || tests=$?
if [ -n "$failed" ]; then
    exit 1
fi
exit "$tests"
