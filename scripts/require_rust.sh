#!/usr/bin/env bash
# Prints the path of a cargo that is new enough for the Rust programs of examples and tests, and gets one where there is none, or says in one
# line what is missing.
#
#   CARGO=$(scripts/require_rust.sh)
#
# CARGO=... names one; without it the first usable one is taken of the PATH and rustup's usual place. Otherwise Debian's package is installed
# when that is allowed: "cargo" where that is new enough (1.70 is the first that reads the present index of crates.io by itself), else
# "cargo-web", the newer one that Debian keeps for its browsers.
set -euo pipefail

smallest="1.70"

is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#cargo }
    printf '%s\n%s\n' "$smallest" "${version%% *}" | sort -V -C
}

found() {
    local candidate
    if [ -n "${CARGO:-}" ]; then
        is_new_enough "$CARGO" && command -v "$CARGO"
        return
    fi
    for candidate in cargo "${CARGO_HOME:-$HOME/.cargo}/bin/cargo"; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

debian_package() {
    local package
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    apt-get -qq update >/dev/null 2>&1 || true
    package=cargo
    # Debian's cargo 0.66 is Rust's 1.65: the numbers of older packages are another count.
    if ! apt-cache policy cargo 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p' | { read -r version && printf '%s\n%s\n' "$smallest" "$version" | sort -V -C; }; then
        package=cargo-web
    fi
    echo "$package"
}

found && exit 0
if [ -n "${CARGO:-}" ]; then
    echo "headgate: CARGO=$CARGO is no cargo $smallest or newer" >&2
    exit 1
fi
if package=$(debian_package); then
    echo "headgate: installing $package" >&2
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package" "${package/cargo/rustc}" >/dev/null 2>&1 || true
fi
found && exit 0
echo "headgate: missing: cargo, $smallest or newer (https://rustup.rs, or Debian's cargo-web), or CARGO=/path/to/cargo" >&2
exit 1
