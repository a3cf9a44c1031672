// Command conformance is a proxy-wasm module in plain Go, without an SDK: it shows that what Go's own compiler makes of
// GOOS=wasip1 -buildmode=c-shared starts, allocates and runs.
package main

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

//go:wasmimport env proxy_get_header_map_value
func getHeader(kind uint32, key unsafe.Pointer, keyLength uint32, value unsafe.Pointer, length unsafe.Pointer) uint32

//go:wasmimport env proxy_add_header_map_value
func addHeader(kind uint32, key unsafe.Pointer, keyLength uint32, value unsafe.Pointer, length uint32) uint32

//go:wasmimport env proxy_send_local_response
func reply(code uint32, details unsafe.Pointer, detailsLength uint32, body unsafe.Pointer, bodyLength uint32, fields unsafe.Pointer, fieldsLength uint32, grpc int32) uint32

// What the host has been given, until it has been read; else the garbage collector would take it.
var given = map[uint32][]byte{}

var requests = map[uint32]int{}
var total int

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	buffer := make([]byte, size)
	at := uint32(uintptr(unsafe.Pointer(&buffer[0])))
	given[at] = buffer
	return at
}

//go:wasmexport proxy_on_context_create
func onCreate(context, root uint32) { requests[context] = int(root) }

//go:wasmexport proxy_on_delete
func onDelete(context uint32) { delete(requests, context) }

func take(at, length uint32) string {
	buffer := given[at]
	delete(given, at)
	return string(buffer[:length])
}

func header(kind uint32, name string) string {
	var at, length uint32
	key := []byte(name)
	status := getHeader(kind, unsafe.Pointer(&key[0]), uint32(len(key)), unsafe.Pointer(&at), unsafe.Pointer(&length))
	if status != 0 || length == 0 {
		return ""
	}
	return take(at, length)
}

func add(kind uint32, name, value string) {
	key, text := []byte(name), []byte(value)
	addHeader(kind, unsafe.Pointer(&key[0]), uint32(len(key)), unsafe.Pointer(&text[0]), uint32(len(text)))
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, count, end uint32) uint32 {
	total++
	if header(0, "user") != "admin" {
		body := []byte("forbidden")
		reply(403, nil, 0, unsafe.Pointer(&body[0]), uint32(len(body)), nil, 0, -1)
		return 1
	}
	garbage := make([][]byte, 0)
	for i := 0; i < 64; i++ {
		garbage = append(garbage, make([]byte, 4096))
	}
	runtime.KeepAlive(garbage)
	add(0, "x-go", fmt.Sprintf("%s %d", header(0, ":path"), len(requests)))
	fmt.Fprintf(os.Stdout, "request %d\n", total)
	return 0
}

//go:wasmexport proxy_on_response_headers
func onResponseHeaders(context, count, end uint32) uint32 {
	add(2, "x-go-env", os.Getenv("COLOUR")+"-"+fmt.Sprint(requests[context]))
	return 0
}

func main() {}
