#!/usr/bin/env bash
# Builds the modules of tests/conformance/wasm/ into build/wasm/: one with the Rust SDK, one with the AssemblyScript SDK, one with the Go SDK, one in
# plain Go; those of the Go SDK's own examples; and fetches one in C++ for ABI 0.1.0, the example of MOSN's host for proxy-wasm (mosn.io/proxy-wasm-go-host).
#
# Rust: a standard library for wasm32 comes in Debian's packages for Debian's own compiler (1.63). That compiler's cargo cannot read the present
# index of crates.io, so a newer cargo, if there is one, fetches (cargo vendor), and Debian's builds.
set -euo pipefail
cd "$(dirname "$0")/.."

source_dir=tests/conformance/wasm
work=build/wasm
mkdir -p "$work"

need() {
	local missing=()
	for package in "$@"; do
		dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
	done
	if ((${#missing[@]})); then
		echo "headgate: installing ${missing[*]}"
		apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >/dev/null ||
			{ echo "headgate: cannot install ${missing[*]}: install them, then run this again" >&2; exit 1; }
	fi
}

require() {
	command -v "$1" >/dev/null || { echo "headgate: missing: $1 ($2)" >&2; exit 1; }
}

build_rust() {
	need rustc cargo libstd-rust-dev-wasm32 lld
	local cargo
	cargo=$(scripts/require_rust.sh)
	local into=$work/rust
	mkdir -p "$into/.cargo"
	cp -r "$source_dir/rust/." "$into/"
	(
		cd "$into"
		"$cargo" vendor --quiet --locked vendor >/dev/null
		printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n' >.cargo/config
		RUSTC=/usr/bin/rustc RUSTFLAGS="-C linker=rust-lld" /usr/bin/cargo build --quiet --offline --locked --release --target wasm32-wasi
	)
	cp "$into/target/wasm32-wasi/release/conformance.wasm" "$work/rust.wasm"
}

build_assemblyscript() {
	require npm "Node.js"
	local into=$work/assemblyscript
	mkdir -p "$into"
	cp -r "$source_dir/assemblyscript/." "$into/"
	(cd "$into" && npm ci --silent --no-audit --no-fund >/dev/null && npx --no-install asc index.ts --optimize -b ../assemblyscript.wasm --use abort=abort_proc_exit)
}

build_go() {
	local go
	go=$(scripts/require_go.sh)
	(cd "$source_dir/go" && GOOS=wasip1 GOARCH=wasm "$go" build -buildvcs=false -buildmode=c-shared -o "../../../../$work/go.wasm" .)
}

build_go_sdk() {
	local go
	go=$(scripts/require_go.sh)
	(cd "$source_dir/go_sdk" && GOOS=wasip1 GOARCH=wasm "$go" build -buildvcs=false -buildmode=c-shared -o "../../../../$work/go_sdk.wasm" .)
}

# The SDK's examples as their authors wrote them. The last version whose Go module carries them is 0.16.0, of the SDK's former home; it needs TinyGo.
# So they are built with the present SDK and Go's own compiler: the import path changes, and what main did is done by init, as Go's reactors need.
build_go_sdk_examples() {
	local go folder file name into=$work/go_sdk_examples
	go=$(scripts/require_go.sh)
	mkdir -p "$into"
	cp "$source_dir"/go_sdk/go.{mod,sum} "$into/"
	folder=$(module_folder github.com/tetratelabs/proxy-wasm-go-sdk@v0.16.0)
	while read -r file; do
		name=$(dirname "${file#"$folder/examples/"}" | tr / _)
		mkdir -p "$into/$name"
		sed -e 's,github.com/tetratelabs/proxy-wasm-go-sdk,github.com/proxy-wasm/proxy-wasm-go-sdk,' \
			-e 's/^func main() {/func main() {}\n\nfunc init() {/' "$file" >"$into/$name/main.go"
		(cd "$into" && GOOS=wasip1 GOARCH=wasm "$go" build -buildvcs=false -buildmode=c-shared -o "../sdk_$name.wasm" "./$name")
	done < <(find "$folder/examples" -name main.go)
}

# Fetches a Go module; prints the folder that it lies in.
module_folder() {
	local go folder
	go=$(scripts/require_go.sh)
	folder=$(cd "$work" && "$go" mod download -json "$1" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
	[ -n "$folder" ] || { echo "headgate: missing: the Go module $1 (the module proxy must be reachable)" >&2; exit 1; }
	echo "$folder"
}

build_mosn() {
	install -m 644 "$(module_folder mosn.io/proxy-wasm-go-host@v0.2.0)/example/data/http.wasm" "$work/mosn.wasm"
}

for language in rust assemblyscript go go_sdk go_sdk_examples mosn; do
	"build_$language"
done
