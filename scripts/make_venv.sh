#!/usr/bin/env bash
# Makes a virtual environment with a Python that is new enough, or says in one line what is missing.
#
#   scripts/make_venv.sh FOLDER
#
# PYTHON=... names the interpreter; without it the first usable one on the PATH is taken.
set -euo pipefail

folder=$1
smallest="3.11"

fail() {
    printf 'headgate: %s\n' "$*" >&2
    exit 1
}

# A pyenv shim answers to a name and then fails, so each candidate is run, not only looked up.
is_new_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$smallest'.split('.'))))" >/dev/null 2>&1
}

can_make_venvs() {
    "$1" -c "import venv, ensurepip" >/dev/null 2>&1
}

if [ -x "$folder/bin/python" ] && is_new_enough "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
else
    candidates=(python3 python3.13 python3.12 python3.11 python3.14 python3.15 python)
fi

without_venv=""
chosen=""
for candidate in "${candidates[@]}"; do
    is_new_enough "$candidate" || continue
    if can_make_venvs "$candidate"; then
        chosen=$candidate
        break
    fi
    without_venv=${without_venv:-$candidate}
done

if [ -z "$chosen" ] && [ -n "$without_venv" ]; then
    version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fail "$without_venv (Python $version) comes without venv and ensurepip, so no virtual environment can be made." \
        "Install them (Debian, Ubuntu: apt-get install python$version-venv), or name another one: make PYTHON=/path/to/python3"
fi
if [ -z "$chosen" ]; then
    if [ -n "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is not a working Python $smallest or newer."
    fi
    fail "no Python $smallest or newer found on the PATH. Install one, or name it: make PYTHON=/path/to/python3"
fi

echo "headgate: making $folder with $chosen ($("$chosen" --version 2>&1))"
rm -rf "$folder"
"$chosen" -m venv "$folder"
