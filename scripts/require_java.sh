#!/usr/bin/env bash
# Sees to it that a JDK, 17 or newer, and Maven are there for the Java programs of examples and tests: installs Debian's packages when that is
# allowed, else names what is missing and fails.
set -euo pipefail

smallest=17
"$(dirname "$0")/require_tools.sh" javac=default-jdk-headless mvn=maven
version=$(javac -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')
if [ "${version:-0}" -lt "$smallest" ]; then
    echo "headgate: missing: a JDK of version $smallest or newer (javac is of version ${version:-unknown})" >&2
    exit 1
fi
