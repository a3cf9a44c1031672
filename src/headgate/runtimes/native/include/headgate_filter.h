/* SPDX-License-Identifier: Apache-2.0
 *
 * headgate_filter.h: stream filters of Headgate as shared objects. C11, no other header of Headgate, no library to link with.
 *
 * THE PROMISE. HG_ABI_MAJOR is 1. A module built for major 1 loads in every Headgate that speaks major 1, whatever the minor of either:
 *   - nothing that is here changes its meaning, its type, or its place;
 *   - what is added goes to the end of a structure, and `size`, its first member, says how much of it there is: look before you read
 *     what a later minor added (HG_HAS);
 *   - what a host can do beyond is told by bits in `features`.
 * How Headgate itself was built, by which compiler or against which Python, plays no part.
 *
 * OWNERSHIP. No memory changes hands. Each side frees what it allocated.
 *   - What the host passes to a hook (heads, chunks, the text of a configuration) is the host's and lives until that hook returns. Copy
 *     what you keep. `headgate start` with HEADGATE_NATIVE_DEBUG=1 makes later reads crash instead of going unnoticed.
 *   - What a module passes to a host function is read before that function returns.
 *   - hg_factory and hg_filter are the module's: the host hands them back and never looks inside. Each that was created is destroyed once.
 *   - hg_stream is a name, not a pointer to memory: never dereference it. It is valid in hooks; a name that has gone out of use is answered
 *     with HG_GONE, never with a crash.
 *   - hg_later is a name likewise, made by `later_create`, used up by `later_complete`, also from other threads.
 *
 * TEXT is counted, in bytes, and not terminated by NUL. Header values are bytes; those that a module sets must hold no control character.
 *
 * THREADS. Hooks run in the worker's one thread; a hook that blocks blocks the worker. Functions marked [any thread] may be called from
 * threads of the module's own; all others only from within a hook, else HG_WRONG_THREAD.
 *
 * A MODULE EXPORTS
 *   required   headgate_abi_version, headgate_factory_create, headgate_factory_destroy, and at least one hook
 *   optional   headgate_module_info, headgate_filter_create with headgate_filter_destroy, headgate_filter_configure
 *   hooks      headgate_on_request, headgate_on_request_body, headgate_on_request_end, headgate_on_request_trailers,
 *              headgate_on_response, headgate_on_response_body, headgate_on_response_end, headgate_on_response_trailers, headgate_on_log
 * Their prototypes stand at the end of this file.
 */
#ifndef HEADGATE_FILTER_H
#define HEADGATE_FILTER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HG_ABI_MAJOR 1u
#define HG_ABI_MINOR 2u
#define HG_ABI_VERSION ((HG_ABI_MAJOR << 16) | HG_ABI_MINOR)

#if defined(_WIN32)
#define HG_EXPORT __declspec(dllexport)
#else
#define HG_EXPORT __attribute__((visibility("default")))
#endif

/* Whether a structure passed by the other side reaches as far as this member. */
#define HG_HAS(pointer, type, member) ((pointer)->size >= offsetof(type, member) + sizeof((pointer)->member))

typedef struct hg_factory hg_factory; /* the module's: one configuration */
typedef struct hg_filter hg_filter;   /* the module's: one request */
typedef struct hg_stream hg_stream;   /* the host's name of one request */
typedef struct hg_later hg_later;     /* the host's name of a verdict that comes later */

/* What a hook returns. */
enum {
  HG_CONTINUE = 0,      /* the next filter */
  HG_STOP = 1,          /* on_request: the reply that was set is sent; on_response: the remaining filters are skipped */
  HG_TERMINATE = 2,     /* the stream ends without a response */
  HG_REMATCH_ROUTE = 3, /* on_request in phase HG_AFTER_ROUTE: the route is matched again */
  HG_RECHOOSE_HOST = 4, /* on_request in phase HG_AFTER_CHOOSE_HOST: the host is chosen again */
  HG_LATER = 5,         /* on_request, on_response: the verdict comes by later_complete; on_request_end, on_response_end: the end waits */
  HG_FAILED = -1        /* the filter's own failure: `error` says what; the entry's on_error decides about the request */
};

/* What host functions return: HG_OK, a length, or one of these. */
enum {
  HG_OK = 0,
  HG_NOT_FOUND = -1,    /* no such header, variable, property or plugin */
  HG_BAD_ARGUMENT = -2, /* null, an impossible length, a name or value that may not stand in a message */
  HG_GONE = -3,         /* the stream, or what waits for the verdict, has ended */
  HG_TOO_LATE = -4,     /* the head has been sent, or the request has been answered */
  HG_WRONG_THREAD = -5, /* only from within a hook */
  HG_WRONG_HOOK = -6,   /* not from this hook: there is no response yet, no body to replace, ... */
  HG_TOO_SMALL = -7,    /* the buffer is too small; the length that is needed stands in *length */
  HG_UNSUPPORTED = -8,  /* this host cannot do that */
  HG_INTERNAL = -9      /* a fault of the host's; it is in its log */
};

/* When on_request runs. */
enum { HG_BEFORE_ROUTE = 0, HG_AFTER_ROUTE = 1, HG_AFTER_CHOOSE_HOST = 2 };

/* What a filter needs of a body. */
enum {
  HG_BODY_NONE = 0,  /* it streams past the filter */
  HG_BODY_CHUNKS = 1, /* each chunk, by on_request_body / on_response_body */
  HG_BODY_BUFFER = 2  /* the whole, at on_request / on_response: body_data, body_length of the head; up to the entry's max_body */
};

/* Levels of `log`. */
enum { HG_TRACE = 0, HG_DEBUG = 1, HG_INFO = 2, HG_WARN = 3, HG_ERROR = 4 };

/* Module features (hg_module_info.features). */
#define HG_MODULE_MAY_UNLOAD ((uint64_t)1 << 0) /* once its last factory is destroyed, no thread of the module's runs any more, and none
                                                    of its code is needed: it may be unloaded. Without this promise a module stays
                                                    loaded, as Go's must, whose runtime cannot end. */
#define HG_MODULE_HOOK_ONLY ((uint64_t)1 << 1)  /* a stream's name is used in the hook that is given it and nowhere else: not later, not in
                                                    a callback of plugin_call. A module that exports headgate_on_request and no other
                                                    hook, and no headgate_filter_create, costs less with it (from 1.2 on; an
                                                    older host takes no notice). */

/* Host features (hg_host.features). */
#define HG_HOST_PLUGINS ((uint64_t)1 << 0) /* plugin_register and plugin_call work */
#define HG_HOST_BODY_ENDS ((uint64_t)1 << 1) /* headgate_on_request_end and headgate_on_response_end are called, later_release works (1.1) */

/* A counted text. `data` may be NULL when `length` is 0. */
typedef struct hg_text {
  const char *data;
  size_t length;
} hg_text;

typedef struct hg_pair {
  hg_text name;
  hg_text value;
} hg_pair;

/* Where a module says what went wrong. The host's; the module fills it by hg_error_set. */
typedef struct hg_error {
  uint32_t size;   /* of this structure */
  uint32_t length; /* of the text */
  char text[504];
} hg_error;

/* What a module is and wants. Static memory of the module's. */
typedef struct hg_module_info {
  uint32_t size;          /* sizeof(hg_module_info) */
  uint32_t phase;         /* HG_BEFORE_ROUTE, ... */
  uint32_t request_body;  /* HG_BODY_NONE, ... */
  uint32_t response_body; /* likewise */
  uint64_t features;      /* HG_MODULE_... */
  hg_text version;        /* the module's own, for the log; may be empty */
} hg_module_info;

/* A head, laid out flat: this structure, then two arrays of field_count lengths, then all text in one piece.
 * Reading it needs no call; hg_field_at, hg_field_get and hg_head_* below do it.
 * A field's text is its line: name, colon, space, value. Names are as they came: compare them without regard to case. */
typedef struct hg_head {
  uint32_t size;          /* of this structure as the host knows it: the lengths begin there */
  uint32_t total;         /* bytes of the whole, text included */
  uint32_t field_count;
  uint32_t status;        /* of a response; 0 on requests */
  uint32_t method_length; /* the text begins with method, target, scheme; empty on responses */
  uint32_t target_length;
  uint32_t scheme_length;
  uint32_t has_body;      /* 1: a body follows or is there */
  uint32_t body_length;   /* with HG_BODY_BUFFER: its length; the body is the last part of the text */
  uint32_t reserved;
} hg_head;

/* --- reading heads; inline, no call into the host --- */

static inline const uint32_t *hg_name_lengths(const hg_head *head) { return (const uint32_t *)((const char *)head + head->size); }
static inline const uint32_t *hg_line_lengths(const hg_head *head) { return hg_name_lengths(head) + head->field_count; }
static inline const char *hg_head_text(const hg_head *head) { return (const char *)(hg_line_lengths(head) + head->field_count); }

static inline hg_text hg_head_method(const hg_head *head) { hg_text t = {hg_head_text(head), head->method_length}; return t; }
static inline hg_text hg_head_target(const hg_head *head) {
  hg_text t = {hg_head_text(head) + head->method_length, head->target_length};
  return t;
}
static inline hg_text hg_head_scheme(const hg_head *head) {
  hg_text t = {hg_head_text(head) + head->method_length + head->target_length, head->scheme_length};
  return t;
}
static inline hg_text hg_head_body(const hg_head *head) {
  hg_text t = {(const char *)head + head->total - head->body_length, head->body_length};
  return t;
}

/* Walks over the fields: hg_fields it = hg_fields_begin(head); while (hg_fields_next(&it, &field)) ... */
typedef struct hg_fields {
  const uint32_t *name_lengths;
  const uint32_t *line_lengths;
  const char *text;
  uint32_t left;
} hg_fields;

static inline hg_fields hg_fields_begin(const hg_head *head) {
  hg_fields it = {hg_name_lengths(head), hg_line_lengths(head),
                  hg_head_text(head) + head->method_length + head->target_length + head->scheme_length, head->field_count};
  return it;
}
static inline int hg_fields_next(hg_fields *it, hg_pair *field) {
  if (it->left == 0) return 0;
  field->name.data = it->text;
  field->name.length = *it->name_lengths;
  field->value.data = it->text + *it->name_lengths + 2;
  field->value.length = *it->line_lengths - *it->name_lengths - 2;
  it->text += *it->line_lengths;
  it->name_lengths++;
  it->line_lengths++;
  it->left--;
  return 1;
}

/* Whether two ASCII texts are equal without regard to case. */
static inline int hg_same_name(const char *a, const char *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
    if (x >= 'A' && x <= 'Z') x = (unsigned char)(x + 32);
    if (y >= 'A' && y <= 'Z') y = (unsigned char)(y + 32);
    if (x != y) return 0;
  }
  return 1;
}

/* The first value under a name, in any case; 1 if there is one. */
static inline int hg_field_get(const hg_head *head, const char *name, size_t length, hg_text *value) {
  hg_fields it = hg_fields_begin(head);
  hg_pair field;
  while (hg_fields_next(&it, &field)) {
    if (field.name.length == length && hg_same_name(field.name.data, name, length)) {
      *value = field.value;
      return 1;
    }
  }
  return 0;
}

static inline int hg_text_equal(hg_text a, const char *data, size_t length) {
  return a.length == length && (length == 0 || memcmp(a.data, data, length) == 0);
}

/* Says what went wrong; cut where the space ends. */
static inline void hg_error_set(hg_error *error, const char *text, size_t length) {
  if (error == NULL) return;
  size_t space = error->size - offsetof(hg_error, text);
  error->length = (uint32_t)(length < space ? length : space);
  memcpy(error->text, text, error->length);
}

/* --- what the host does for a module --- */

/* A plugin's answer, for plugin_call: exactly one call in the worker's thread, from where every function may be called that a hook may
 * call. `status` and the rest are of the answer when `failure` is empty; the texts live until the callback returns. */
typedef void (*hg_plugin_callback)(void *user, hg_stream *stream, int32_t status, const hg_pair *headers, size_t header_count, hg_text body,
                                   hg_text failure);

typedef struct hg_host {
  uint32_t size;
  uint32_t abi_version;
  uint64_t features;

  /* Request head: until it has been sent upstream, then HG_TOO_LATE. Names and values are checked; HG_BAD_ARGUMENT changes nothing. */
  int32_t (*request_header_set)(hg_stream *, const char *name, size_t name_length, const char *value, size_t value_length);
  int32_t (*request_header_add)(hg_stream *, const char *name, size_t name_length, const char *value, size_t value_length);
  int32_t (*request_header_remove)(hg_stream *, const char *name, size_t name_length); /* HG_NOT_FOUND if there was none */
  int32_t (*request_method_set)(hg_stream *, const char *method, size_t length);
  int32_t (*request_target_set)(hg_stream *, const char *target, size_t length); /* path and query */

  /* Response head: in on_response. */
  int32_t (*response_header_set)(hg_stream *, const char *name, size_t name_length, const char *value, size_t value_length);
  int32_t (*response_header_add)(hg_stream *, const char *name, size_t name_length, const char *value, size_t value_length);
  int32_t (*response_header_remove)(hg_stream *, const char *name, size_t name_length);
  int32_t (*response_status_set)(hg_stream *, uint32_t status); /* 200 to 599 */

  /* Bodies. body_set: in on_request or on_response with HG_BODY_BUFFER. chunk_set: in a body hook; an empty chunk drops it. In a hook of a
   * body's end: what goes on behind the last chunk (1.1). */
  int32_t (*body_set)(hg_stream *, const char *data, size_t length);
  int32_t (*chunk_set)(hg_stream *, const char *data, size_t length);

  /* Trailers: in a trailers hook. */
  int32_t (*trailer_set)(hg_stream *, const char *name, size_t name_length, const char *value, size_t value_length);
  int32_t (*trailer_remove)(hg_stream *, const char *name, size_t name_length);

  /* Answers the request; return HG_STOP after it. HG_TOO_LATE if it has been answered. */
  int32_t (*reply)(hg_stream *, uint32_t status, const hg_pair *headers, size_t header_count, const char *body, size_t body_length);
  /* [any thread] Ends the request with a status of 400 to 599, also later. */
  int32_t (*terminate)(hg_stream *, uint32_t status);

  /* A header of the present head as it is now, changes included: copied into the buffer of *length bytes; *length is then what it has. */
  int32_t (*request_header_get)(hg_stream *, const char *name, size_t name_length, char *buffer, size_t *length);
  int32_t (*response_header_get)(hg_stream *, const char *name, size_t name_length, char *buffer, size_t *length);
  /* Variables of the stream, and by the same call everything that access logs can name (downstream_remote_address, route_name, ...). */
  int32_t (*variable_get)(hg_stream *, const char *name, size_t name_length, char *buffer, size_t *length);
  int32_t (*variable_set)(hg_stream *, const char *name, size_t name_length, const char *value, size_t value_length);

  /* [any thread] Log and metrics; metrics appear under headgate's names with the label of the filter. */
  int32_t (*log)(uint32_t level, const char *text, size_t length);
  int32_t (*log_enabled)(uint32_t level); /* 1 or 0 */
  int32_t (*counter_add)(const char *name, size_t length, uint64_t amount);
  int32_t (*gauge_set)(const char *name, size_t length, int64_t value);

  /* A verdict that comes later: in on_request or on_response, then return HG_LATER. NULL if that is not possible here.
   * In a hook of a body's end (1.1): the end is held; later_release or later_complete lets it go. */
  hg_later *(*later_create)(hg_stream *);
  /* [any thread] The verdict, once. With HG_STOP a reply may be given along: status 0 means none. HG_GONE if nobody waits any more. */
  int32_t (*later_complete)(hg_later *, int32_t verdict, uint32_t status, const hg_pair *headers, size_t header_count, const char *body,
                            size_t body_length);
  /* [any thread] 1 while somebody waits for it. */
  int32_t (*later_wanted)(hg_later *);

  /* Plugins: processes of their own, supervised by Headgate (HG_HOST_PLUGINS). plugin_register: in headgate_factory_create, by a name of the
   * configuration's `plugins`, or of an executable beside the configuration file with these arguments. plugin_call: in a hook; timeout_ms 0 is
   * the plugin's own. */
  int32_t (*plugin_register)(const char *name, size_t length, const hg_text *arguments, size_t argument_count);
  int32_t (*plugin_call)(hg_stream *, const char *name, size_t length, const hg_pair *headers, size_t header_count, const char *body,
                         size_t body_length, uint32_t timeout_ms, hg_plugin_callback callback, void *user);

  /* --- from 1.1 on: HG_HAS(host, hg_host, later_release), and HG_HOST_BODY_ENDS --- */

  /* [any thread] Lets the end of a body go that a hook holds, once, with this behind the last chunk, in place of what chunk_set gave.
   * later_complete does so without changing what chunk_set gave: HG_CONTINUE; HG_STOP with a reply, while the response has not begun;
   * HG_TERMINATE; HG_FAILED. HG_GONE if nobody waits any more, HG_WRONG_HOOK for what is no body's end. */
  int32_t (*later_release)(hg_later *, const char *data, size_t length);
} hg_host;

/* --- what a module exports ---
 * Define HG_NO_PROTOTYPES before the include where a compiler writes prototypes of its own (Go's cgo, which knows no const). */
#ifndef HG_NO_PROTOTYPES

/* HG_ABI_VERSION of the header it was built with. */
HG_EXPORT uint32_t headgate_abi_version(void);

/* Optional; without it: phase HG_BEFORE_ROUTE, no bodies. */
HG_EXPORT const hg_module_info *headgate_module_info(void);

/* One configuration of one entry, or of one route: `config` is its JSON text. NULL refuses it: `error` says why, the load stops with that.
 * `host` stays valid as long as the module is loaded. */
HG_EXPORT hg_factory *headgate_factory_create(const hg_host *host, const char *config, size_t length, hg_error *error);
/* Its last request has ended. */
HG_EXPORT void headgate_factory_destroy(hg_factory *factory);

/* Optional: one request, at its first hook. NULL is a failure. Without it hooks get NULL as their filter. */
HG_EXPORT hg_filter *headgate_filter_create(hg_factory *factory, hg_stream *stream, hg_error *error);
HG_EXPORT void headgate_filter_destroy(hg_filter *filter);
/* Optional: the route has a configuration of its own, which holds from here on. */
HG_EXPORT void headgate_filter_configure(hg_filter *filter, hg_factory *factory);

/* Hooks. `factory` is the configuration in force for this request. */
HG_EXPORT int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error);
HG_EXPORT int32_t headgate_on_response(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error);
/* HG_CONTINUE, HG_FAILED, or HG_STOP after reply. */
HG_EXPORT int32_t headgate_on_request_body(hg_factory *factory, hg_filter *filter, hg_stream *stream, const char *data, size_t length,
                                           hg_error *error);
HG_EXPORT int32_t headgate_on_response_body(hg_factory *factory, hg_filter *filter, hg_stream *stream, const char *data, size_t length,
                                            hg_error *error);
/* The body is complete (from 1.1 on, where the host has HG_HOST_BODY_ENDS; an older one calls neither): with HG_BODY_CHUNKS, once, behind the
 * last chunk and before the trailers, also for a message without a body. A module that keeps chunks back lets them go here, by chunk_set.
 * HG_CONTINUE, HG_FAILED, HG_STOP after reply, or HG_LATER after later_create. */
HG_EXPORT int32_t headgate_on_request_end(hg_factory *factory, hg_filter *filter, hg_stream *stream, hg_error *error);
HG_EXPORT int32_t headgate_on_response_end(hg_factory *factory, hg_filter *filter, hg_stream *stream, hg_error *error);
/* Trailers as a head with fields only. */
HG_EXPORT int32_t headgate_on_request_trailers(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *trailers,
                                               hg_error *error);
HG_EXPORT int32_t headgate_on_response_trailers(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *trailers,
                                                hg_error *error);
/* The stream has ended; variable_get still works. */
HG_EXPORT void headgate_on_log(hg_factory *factory, hg_filter *filter, hg_stream *stream);

#endif /* HG_NO_PROTOTYPES */

#ifdef __cplusplus
}
#endif

#endif
