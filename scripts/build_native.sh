#!/usr/bin/env bash
# Builds the shared objects in Rust and Go of examples and tests into build/native, where the tests of tests/conformance look for them. The
# toolchains are installed when they are missing and that is allowed.
set -euo pipefail

cd "$(dirname "$0")/.."
out="$PWD/build/native"
include="$PWD/src/headgate/runtimes/native/include"
mkdir -p "$out"
CARGO=$(scripts/require_rust.sh)
GO=$(scripts/require_go.sh)

rust() { # FOLDER CRATE
    echo "headgate: building $1 (Rust)"
    "$CARGO" build --quiet --locked --release --manifest-path "$1/Cargo.toml" --target-dir "$out/rust/$2"
    cp "$out/rust/$2/release/lib$2.so" "$out/$2-rust.so"
}

go() { # FOLDER NAME
    echo "headgate: building $1 (Go)"
    (cd "$1" && CGO_ENABLED=1 CGO_CFLAGS="-I$include" "$GO" build -buildvcs=false -buildmode=c-shared -o "$out/$2-go.so" .)
}

rust examples/native_auth/rust auth
rust tests/conformance/native/rust demo
go examples/native_auth/go auth
go tests/conformance/native/go demo
