#!/usr/bin/env bash
# Builds the Go and Java programs of examples and tests into build/plugins, where the tests of tests/conformance look for them. The toolchains
# are installed when they are missing and that is allowed.
set -euo pipefail

cd "$(dirname "$0")/.."
out="$PWD/build/plugins"
mkdir -p "$out"
GO=$(scripts/require_go.sh)
scripts/require_java.sh

# Copies with the links resolved, laid out as the examples are, so that nothing is built into the tree.
for example in plugin_filter plugin_cert_loader; do
    rm -rf "${out:?}/$example"
    cp -rL "examples/$example" "$out/$example"
done

export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
go_build() { # FOLDER PROGRAM [OPTION ...]
    echo "headgate: building ${2#"$PWD/"} (Go)"
    (cd "$1" && "$GO" build "${@:3}" -o "$2" .)
}
go_build "$out/plugin_filter/go" "$out/plugin_filter/go/checker"
go_build "$out/plugin_cert_loader/go" "$out/plugin_cert_loader/go/loader"
rm -rf "$out/writing"
cp -r "$out/plugin_filter/go" "$out/writing"
cp tests/conformance/go_writing/main.go "$out/writing/main.go"
go_build "$out/writing" "$out/writing/writing"
# A host that runs plugins as MOSN does, and both sides once more with the release of go-plugin that MOSN uses.
host="$PWD/tests/conformance/go_plugin"
go_build "$host" "$out/host"
go_build "$host" "$out/host-1.0.1" -modfile="$host/old.mod"
go_build "$out/plugin_filter/go" "$out/checker-1.0.1" -modfile="$host/old.mod"

maven() { # FOLDER
    echo "headgate: building ${1#"$PWD/"} (Java)"
    mvn --batch-mode --quiet --no-transfer-progress -f "$1/pom.xml" package >"$1/mvn.log" 2>&1 || {
        tail -n 30 "$1/mvn.log" >&2
        return 1
    }
}
maven "$out/plugin_filter/java"
maven "$out/plugin_cert_loader/java"
