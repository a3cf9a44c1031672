// The auth filter as a shared object in Go: a request passes only if it carries the headers that the configuration names.
//
//	CGO_CFLAGS="-I$(headgate include-dir)" go build -buildmode=c-shared -o auth.so .
package main

/*
#define HG_NO_PROTOTYPES
#include <headgate_filter.h>
#include <stdlib.h>

static const hg_module_info auth_info = {.size = sizeof auth_info, .phase = HG_BEFORE_ROUTE, .features = HG_MODULE_HOOK_ONLY};
static inline const hg_module_info *info(void) { return &auth_info; }
static inline int32_t reply(const hg_host *host, hg_stream *stream, uint32_t status, const char *body, size_t length) {
  return host->reply(stream, status, NULL, 0, body, length);
}
static inline void refuse(hg_error *error, const char *text, size_t length) { hg_error_set(error, text, length); }
static inline int matches(const hg_head *head, const char *name, size_t name_length, const char *value, size_t value_length) {
  hg_text found;
  return hg_field_get(head, name, name_length, &found) && hg_text_equal(found, value, value_length);
}
*/
import "C"

import (
	"encoding/json"
	"runtime/cgo"
	"unsafe"
)

type rule struct {
	name, value             *C.char
	nameLength, valueLength C.size_t
}

type factory struct {
	host  *C.hg_host
	rules []rule
}

//export headgate_abi_version
func headgate_abi_version() C.uint32_t { return C.HG_ABI_VERSION }

//export headgate_module_info
func headgate_module_info() *C.hg_module_info { return C.info() }

//export headgate_factory_create
func headgate_factory_create(host *C.hg_host, config *C.char, length C.size_t, failure *C.hg_error) *C.hg_factory {
	var wanted map[string]string
	if err := json.Unmarshal(C.GoBytes(unsafe.Pointer(config), C.int(length)), &wanted); err != nil || len(wanted) == 0 {
		text := "expected {\"Header\": \"value\", ...}"
		C.refuse(failure, (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)))
		return nil
	}
	made := &factory{host: host}
	for name, value := range wanted {
		// C memory, made once: no conversion for each request.
		made.rules = append(made.rules, rule{C.CString(name), C.CString(value), C.size_t(len(name)), C.size_t(len(value))})
	}
	handle := C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0))))
	*(*cgo.Handle)(handle) = cgo.NewHandle(made)
	return (*C.hg_factory)(handle)
}

//export headgate_factory_destroy
func headgate_factory_destroy(pointer *C.hg_factory) {
	handle := *(*cgo.Handle)(unsafe.Pointer(pointer))
	for _, r := range handle.Value().(*factory).rules {
		C.free(unsafe.Pointer(r.name))
		C.free(unsafe.Pointer(r.value))
	}
	handle.Delete()
	C.free(unsafe.Pointer(pointer))
}

//export headgate_on_request
func headgate_on_request(pointer *C.hg_factory, filter *C.hg_filter, stream *C.hg_stream, head *C.hg_head, failure *C.hg_error) C.int32_t {
	made := (*(*cgo.Handle)(unsafe.Pointer(pointer))).Value().(*factory)
	for _, r := range made.rules {
		if C.matches(head, r.name, r.nameLength, r.value, r.valueLength) == 0 {
			body := []byte("forbidden\n")
			C.reply(made.host, stream, 403, (*C.char)(unsafe.Pointer(&body[0])), C.size_t(len(body)))
			return C.HG_STOP
		}
	}
	return C.HG_CONTINUE
}

func main() {}
