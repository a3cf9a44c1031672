// The demo of tests/integration/runtimes/demo in Go; the configuration is {"user": "..."}. X-Do makes it fail, or never come to a verdict.
package main

/*
#define HG_NO_PROTOTYPES
#include <headgate_filter.h>
#include <stdlib.h>
#include <string.h>

static const hg_module_info demo_info = {.size = sizeof demo_info, .phase = HG_AFTER_ROUTE};

static inline const hg_module_info *info(void) { return &demo_info; }
static inline int32_t reply(const hg_host *host, hg_stream *stream, uint32_t status, const char *body, size_t length) {
  return host->reply(stream, status, NULL, 0, body, length);
}
static inline int later(const hg_host *host, hg_stream *stream) { return host->later_create(stream) != NULL; }
static inline void say(hg_error *error, const char *text) { hg_error_set(error, text, strlen(text)); }
static inline int matches(const hg_head *head, const char *name, const char *value, size_t length) {
  hg_text found;
  return hg_field_get(head, name, strlen(name), &found) && hg_text_equal(found, value, length);
}
*/
import "C"

import (
	"encoding/json"
	"runtime/cgo"
	"unsafe"
)

type factory struct {
	host   *C.hg_host
	user   *C.char
	length C.size_t
}

var (
	do        = C.CString("x-do")
	fail      = C.CString("fail")
	never     = C.CString("never")
	user      = C.CString("user")
	told      = C.CString("told to fail")
	expected  = C.CString("expected {\"user\": ...}")
	forbidden = C.CString("forbidden\n")
)

//export headgate_abi_version
func headgate_abi_version() C.uint32_t { return C.HG_ABI_VERSION }

//export headgate_module_info
func headgate_module_info() *C.hg_module_info { return C.info() }

//export headgate_factory_create
func headgate_factory_create(host *C.hg_host, config *C.char, length C.size_t, failure *C.hg_error) *C.hg_factory {
	var wanted struct{ User string }
	if err := json.Unmarshal(C.GoBytes(unsafe.Pointer(config), C.int(length)), &wanted); err != nil || wanted.User == "" {
		C.say(failure, expected)
		return nil
	}
	handle := C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0))))
	*(*cgo.Handle)(handle) = cgo.NewHandle(&factory{host, C.CString(wanted.User), C.size_t(len(wanted.User))})
	return (*C.hg_factory)(handle)
}

//export headgate_factory_destroy
func headgate_factory_destroy(pointer *C.hg_factory) {
	handle := *(*cgo.Handle)(unsafe.Pointer(pointer))
	C.free(unsafe.Pointer(handle.Value().(*factory).user))
	handle.Delete()
	C.free(unsafe.Pointer(pointer))
}

//export headgate_on_request
func headgate_on_request(pointer *C.hg_factory, filter *C.hg_filter, stream *C.hg_stream, head *C.hg_head, failure *C.hg_error) C.int32_t {
	made := (*(*cgo.Handle)(unsafe.Pointer(pointer))).Value().(*factory)
	switch {
	case C.matches(head, do, fail, 4) != 0:
		C.say(failure, told)
		return C.HG_FAILED
	case C.matches(head, do, never, 5) != 0:
		if C.later(made.host, stream) == 0 {
			return C.HG_FAILED
		}
		return C.HG_LATER
	case C.matches(head, user, made.user, made.length) != 0:
		return C.HG_CONTINUE
	}
	C.reply(made.host, stream, 403, forbidden, 10)
	return C.HG_STOP
}

func main() {}
