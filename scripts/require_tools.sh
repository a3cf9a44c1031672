#!/usr/bin/env bash
# Sees to it that programs from Debian's packages are there: installs what is missing when it may, else names it and fails.
#
#   scripts/require_tools.sh PROGRAM[=PACKAGE] ...
#
# The package is named only where it is called otherwise than the program.
set -euo pipefail

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

missing_programs=()
missing_packages=()
for wanted in "$@"; do
    program=${wanted%%=*}
    package=${wanted#*=}
    if ! command -v "$program" >/dev/null; then
        missing_programs+=("$program")
        missing_packages+=("$package")
    fi
done

if [ ${#missing_programs[@]} -eq 0 ]; then
    exit 0
fi

by_hand="headgate: missing: ${missing_programs[*]}. Install (Debian, Ubuntu): apt-get install ${missing_packages[*]}"

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "$by_hand" >&2
    exit 1
fi

echo "headgate: installing ${missing_packages[*]}"
export DEBIAN_FRONTEND=noninteractive
# RUNLEVEL=1: the packages' own services (nginx, haproxy) are not to be started.
if ! { apt-get -qq update && RUNLEVEL=1 apt-get -qq install -y --no-install-recommends "${missing_packages[@]}"; } >/tmp/headgate-apt.log 2>&1; then
    tail -n 5 /tmp/headgate-apt.log >&2
    echo "$by_hand" >&2
    exit 1
fi

for program in "${missing_programs[@]}"; do
    if ! command -v "$program" >/dev/null; then
        echo "headgate: $program is still missing after installing ${missing_packages[*]}" >&2
        exit 1
    fi
done
