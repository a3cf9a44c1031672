"""The C ABI of shared objects as Python sees it: declarations for cffi, numbers of the header, names of the exports.

cffi in ABI mode: nothing is compiled, and a module's build environment plays no part. What is declared here is the header
``include/headgate_filter.h`` over again; a test compiles that header and compares sizes and offsets.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

ABI_MAJOR: Final = 1
ABI_MINOR: Final = 2

INCLUDE_DIR: Final = Path(__file__).parent / "include"
"""Folder of ``headgate_filter.h``."""

OK: Final = 0
NOT_FOUND: Final = -1
BAD_ARGUMENT: Final = -2
GONE: Final = -3
TOO_LATE: Final = -4
WRONG_THREAD: Final = -5
WRONG_HOOK: Final = -6
TOO_SMALL: Final = -7
UNSUPPORTED: Final = -8
INTERNAL: Final = -9

LATER: Final = 5
FAILED: Final = -1

MAY_UNLOAD: Final = 1
HOOK_ONLY: Final = 2
HOST_PLUGINS: Final = 1
HOST_BODY_ENDS: Final = 2

REQUIRED: Final = ("headgate_abi_version", "headgate_factory_create", "headgate_factory_destroy")
HOOKS: Final = {
    "on_receive": "headgate_on_request",
    "on_receive_data": "headgate_on_request_body",
    "on_receive_end": "headgate_on_request_end",
    "on_receive_trailers": "headgate_on_request_trailers",
    "on_send": "headgate_on_response",
    "on_send_data": "headgate_on_response_body",
    "on_send_end": "headgate_on_response_end",
    "on_send_trailers": "headgate_on_response_trailers",
    "on_log": "headgate_on_log",
}
"""Hook of a stream filter -> export of a module."""

DECLARATIONS: Final = """
typedef struct hg_factory hg_factory;
typedef uintptr_t hg_filter;
typedef uintptr_t hg_stream;
typedef uintptr_t hg_later;
typedef struct { const char *data; size_t length; } hg_text;
typedef struct { hg_text name; hg_text value; } hg_pair;
typedef struct { uint32_t size; uint32_t length; char text[504]; } hg_error;
typedef struct { uint32_t size, phase, request_body, response_body; uint64_t features; hg_text version; } hg_module_info;
typedef struct { uint32_t size, total, field_count, status, method_length, target_length, scheme_length, has_body, body_length,
         reserved; } hg_head;
typedef void (*hg_plugin_callback)(void *user, hg_stream stream, int32_t status, const hg_pair *headers, size_t header_count, hg_text body,
                                   hg_text failure);
typedef int32_t hg_put(hg_stream, const char *, size_t, const char *, size_t);
typedef int32_t hg_name(hg_stream, const char *, size_t);
typedef int32_t hg_get(hg_stream, const char *, size_t, char *, size_t *);
typedef struct {
  uint32_t size;
  uint32_t abi_version;
  uint64_t features;
  hg_put *request_header_set;
  hg_put *request_header_add;
  hg_name *request_header_remove;
  hg_name *request_method_set;
  hg_name *request_target_set;
  hg_put *response_header_set;
  hg_put *response_header_add;
  hg_name *response_header_remove;
  int32_t (*response_status_set)(hg_stream, uint32_t);
  hg_name *body_set;
  hg_name *chunk_set;
  hg_put *trailer_set;
  hg_name *trailer_remove;
  int32_t (*reply)(hg_stream, uint32_t, const hg_pair *, size_t, const char *, size_t);
  int32_t (*terminate)(hg_stream, uint32_t);
  hg_get *request_header_get;
  hg_get *response_header_get;
  hg_get *variable_get;
  hg_put *variable_set;
  int32_t (*log)(uint32_t, const char *, size_t);
  int32_t (*log_enabled)(uint32_t);
  int32_t (*counter_add)(const char *, size_t, uint64_t);
  int32_t (*gauge_set)(const char *, size_t, int64_t);
  hg_later (*later_create)(hg_stream);
  int32_t (*later_complete)(hg_later, int32_t, uint32_t, const hg_pair *, size_t, const char *, size_t);
  int32_t (*later_wanted)(hg_later);
  int32_t (*plugin_register)(const char *, size_t, const hg_text *, size_t);
  int32_t (*plugin_call)(hg_stream, const char *, size_t, const hg_pair *, size_t, const char *, size_t, uint32_t, hg_plugin_callback,
                         void *);
  int32_t (*later_release)(hg_later, const char *, size_t);
} hg_host;

uint32_t headgate_abi_version(void);
const hg_module_info *headgate_module_info(void);
hg_factory *headgate_factory_create(const hg_host *, const char *, size_t, hg_error *);
void headgate_factory_destroy(hg_factory *);
hg_filter headgate_filter_create(hg_factory *, hg_stream, hg_error *);
void headgate_filter_destroy(hg_filter);
void headgate_filter_configure(hg_filter, hg_factory *);
int32_t headgate_on_request(hg_factory *, hg_filter, hg_stream, const char *head, hg_error *);
int32_t headgate_on_response(hg_factory *, hg_filter, hg_stream, const char *head, hg_error *);
int32_t headgate_on_request_body(hg_factory *, hg_filter, hg_stream, const char *, size_t, hg_error *);
int32_t headgate_on_response_body(hg_factory *, hg_filter, hg_stream, const char *, size_t, hg_error *);
int32_t headgate_on_request_end(hg_factory *, hg_filter, hg_stream, hg_error *);
int32_t headgate_on_response_end(hg_factory *, hg_filter, hg_stream, hg_error *);
int32_t headgate_on_request_trailers(hg_factory *, hg_filter, hg_stream, const char *head, hg_error *);
int32_t headgate_on_response_trailers(hg_factory *, hg_filter, hg_stream, const char *head, hg_error *);
void headgate_on_log(hg_factory *, hg_filter, hg_stream);
"""
"""Heads are declared as ``const char *``: cffi then passes the bytes of a ``bytes`` object as they lie, without a copy. What is a name or a
pointer that is only handed back is declared as a number, which takes no object of cffi's to make: an ``int`` goes the same way into C."""


Pointer = Any
"""A C value. What it is to C the declarations above say; Python's types cannot."""


def _declared() -> Any:
    # Not by an import statement: cffi has no types, and what it makes of C declarations could have none.
    ffi = importlib.import_module("cffi").FFI()
    ffi.cdef(DECLARATIONS)
    return ffi


FFI: Final = _declared()
