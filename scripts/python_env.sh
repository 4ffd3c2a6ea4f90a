# shellcheck shell=bash
# A checkout in, its virtual environment out: sourced by start_services.sh and run_tests.sh, which set ROOT before.
# Everything said here goes to stderr, so that a command's --json output on stdout stays pure.

VENV="$ROOT/.venv"

die() {
    printf '%s\n' "$@" >&2
    exit 3
}

# Whether $1 runs, is Python 3.11 or newer, and can make a virtual environment. A version manager's shim may exist and
# still not run, so each candidate is tried.
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Prints every Python worth a try: $PYTHON alone where it is set; else by name on the PATH, then those that a version
# manager keeps aside.
python_candidates() {
    if [ -n "${PYTHON:-}" ]; then
        printf '%s\n' "$PYTHON"
        return
    fi
    printf '%s\n' python3.13 python3.12 python3.11 python3 python
    local kept
    for kept in "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.*/bin/python3; do
        if [ -x "$kept" ]; then printf '%s\n' "$kept"; fi
    done
}

find_python() {
    local candidate without_venv=""
    while IFS= read -r candidate; do
        if ! is_new_enough "$candidate"; then continue; fi
        if can_make_venv "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
        without_venv=$candidate
    done < <(python_candidates)
    if [ -n "$without_venv" ]; then
        die "$without_venv cannot make virtual environments: ensurepip is missing." \
            "On Debian and Ubuntu: apt-get install python3-venv; then start again."
    fi
    die "No Python 3.11 or newer found; tried: $(python_candidates | tr '\n' ' ')" \
        "Install one, or name it: PYTHON=/path/to/python3.11 $0"
}

make_venv() {
    local python
    if is_new_enough "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
    python=$(find_python) || exit
    "$python" -m venv --clear "$VENV" >&2 || die "Cannot make a virtual environment in $VENV (see above)."
}

# Changes when the requirements change, or when the checkout is moved (an editable install remembers its place).
fingerprint() { { printf '%s\n' "$ROOT" && cat "$ROOT/pyproject.toml"; } | cksum; }

is_installed() { [ "$(cat "$VENV/.installed-$1" 2>/dev/null)" = "$(fingerprint)" ]; }

install() {
    printf 'installing %s (first start only) ...\n' "crypto-signal-tracker[$1]" >&2
    make_venv
    rm -f "$VENV"/.installed-*
    # --no-compile: Python compiles what is imported when it is; compiling all of it takes longer than the download.
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-compile -e "${ROOT}[$1]" >&2 ||
        die "Installing failed (see above). Is the package index reachable? pip reads PIP_INDEX_URL and pip.conf."
    fingerprint >"$VENV/.installed-$1"
}

# prepare EXTRA: afterwards $VENV/bin/python has the platform with that extra. `dev` holds all that `all` holds.
prepare() {
    if is_new_enough "$VENV/bin/python" && { is_installed dev || is_installed "$1"; }; then return; fi
    # Two first starts at once would install over each other: the second waits for the first, where flock is there.
    (
        if command -v flock >/dev/null; then flock 9; fi
        if is_new_enough "$VENV/bin/python" && { is_installed dev || is_installed "$1"; }; then exit; fi
        install "$1"
    ) 9<"$ROOT" || exit
}
