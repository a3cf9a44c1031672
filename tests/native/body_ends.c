/* Keeps the chunks of both bodies back and lets them go at the body's end, as the request's header `end` (`back-end` for the response's body)
 * says. What later_release answers where it may not be called is put into the request header `x-result`. */
#include <headgate_filter.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct hg_factory { const hg_host *host; };
struct body { char data[256]; size_t length; };
struct hg_filter { struct body request, response; };
struct held { hg_later *later; struct body body; char what[32]; };

static const hg_host *H;

static const hg_module_info INFO = {sizeof(hg_module_info), HG_BEFORE_ROUTE, HG_BODY_CHUNKS, HG_BODY_CHUNKS, 0, {"body ends 1", 11}};
const hg_module_info *headgate_module_info(void) { return &INFO; }
uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }

hg_factory *headgate_factory_create(const hg_host *host, const char *config, size_t length, hg_error *error) {
  (void)config; (void)length;
  if (!HG_HAS(host, hg_host, later_release) || !(host->features & HG_HOST_BODY_ENDS)) {
    hg_error_set(error, "the host calls no hooks of a body's end", 39);
    return NULL;
  }
  H = host;
  hg_factory *factory = calloc(1, sizeof *factory);
  factory->host = host;
  return factory;
}
void headgate_factory_destroy(hg_factory *factory) { free(factory); }

hg_filter *headgate_filter_create(hg_factory *factory, hg_stream *stream, hg_error *error) {
  (void)factory; (void)stream; (void)error;
  return calloc(1, sizeof(hg_filter));
}
void headgate_filter_destroy(hg_filter *filter) { free(filter); }

static void add(struct body *body, const char *data, size_t length) {
  if (length > sizeof body->data - body->length) length = sizeof body->data - body->length;
  memcpy(body->data + body->length, data, length);
  body->length += length;
}

/* From a thread: lets the end go. */
static void *let_go(void *argument) {
  struct held *held = argument;
  int32_t number = HG_OK;
  if (strcmp(held->what, "hold") == 0) number = H->later_release(held->later, held->body.data, held->body.length);
  else if (strcmp(held->what, "hold-as-set") == 0) number = H->later_complete(held->later, HG_CONTINUE, 0, NULL, 0, NULL, 0);
  else if (strcmp(held->what, "hold-reply") == 0) number = H->later_complete(held->later, HG_STOP, 429, NULL, 0, "late", 4);
  else if (strcmp(held->what, "hold-end") == 0) number = H->later_complete(held->later, HG_TERMINATE, 0, NULL, 0, NULL, 0);
  else if (strcmp(held->what, "hold-fail") == 0) number = H->later_complete(held->later, HG_FAILED, 0, NULL, 0, NULL, 0);
  else if (strcmp(held->what, "hold-rematch") == 0) number = H->later_complete(held->later, HG_REMATCH_ROUTE, 0, NULL, 0, NULL, 0);
  if (number != HG_OK) H->log(HG_ERROR, "could not let go", 16);
  if (H->later_release(held->later, "twice", 5) != HG_GONE) H->log(HG_ERROR, "let go twice", 12);
  free(held);
  return NULL;
}

static int32_t hold(hg_stream *stream, const struct body *body, const char *what) {
  struct held *held = calloc(1, sizeof *held);
  held->later = H->later_create(stream);
  if (held->later == NULL) { free(held); return HG_FAILED; }
  H->chunk_set(stream, body->data, body->length);
  if (H->later_release(held->later, NULL, 5) != HG_BAD_ARGUMENT) H->log(HG_ERROR, "null not noticed", 16);
  if (strcmp(what, "hold-never") == 0) { free(held); return HG_LATER; }
  held->body = *body;
  add(&held->body, ">", 1);
  memcpy(held->what, what, strlen(what) + 1);
  pthread_t thread;
  pthread_create(&thread, NULL, let_go, held);
  pthread_detach(thread);
  return HG_LATER;
}

static int32_t end(hg_stream *stream, struct body *body, const char *header, hg_error *error) {
  char what[32];
  size_t length = sizeof what - 1;
  if (H->request_header_get(stream, header, strlen(header), what, &length) != HG_OK) length = 0;
  what[length] = 0;
  if (strncmp(what, "hold", 4) == 0) return hold(stream, body, what);
  if (strcmp(what, "reply") == 0) { H->reply(stream, 403, NULL, 0, "no", 2); return HG_STOP; }
  if (strcmp(what, "fail") == 0) { hg_error_set(error, "the end failed", 14); return HG_FAILED; }
  if (strcmp(what, "unpromised") == 0) return HG_LATER;
  if (strcmp(what, "promised") == 0) H->later_create(stream); /* and then decided at once */
  if (strcmp(what, "drop") == 0) return HG_CONTINUE;
  return H->chunk_set(stream, body->data, body->length) == HG_OK ? HG_CONTINUE : HG_FAILED;
}

int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  hg_text what;
  (void)factory; (void)filter; (void)error;
  if (!hg_field_get(head, "do", 2, &what)) return HG_CONTINUE;
  int32_t number = H->later_release((hg_later *)0x7fffffff, "x", 1);
  if (hg_text_equal(what, "release-verdict", 15)) {
    hg_later *later = H->later_create(stream);
    number = H->later_release(later, "x", 1);
    H->later_complete(later, HG_CONTINUE, 0, NULL, 0, NULL, 0);
  }
  char text[16];
  int length = snprintf(text, sizeof text, "%d", (int)number);
  H->request_header_set(stream, "x-result", 8, text, (size_t)length);
  return hg_text_equal(what, "release-verdict", 15) ? HG_LATER : HG_CONTINUE;
}

int32_t headgate_on_request_body(hg_factory *f, hg_filter *filter, hg_stream *stream, const char *data, size_t length, hg_error *error) {
  (void)f; (void)error;
  add(&filter->request, data, length);
  return H->chunk_set(stream, NULL, 0) == HG_OK ? HG_CONTINUE : HG_FAILED;
}
int32_t headgate_on_request_end(hg_factory *f, hg_filter *filter, hg_stream *stream, hg_error *error) {
  (void)f;
  add(&filter->request, "|", 1);
  return end(stream, &filter->request, "end", error);
}
int32_t headgate_on_response_body(hg_factory *f, hg_filter *filter, hg_stream *stream, const char *data, size_t length, hg_error *error) {
  (void)f; (void)error;
  add(&filter->response, data, length);
  return H->chunk_set(stream, NULL, 0) == HG_OK ? HG_CONTINUE : HG_FAILED;
}
int32_t headgate_on_response_end(hg_factory *f, hg_filter *filter, hg_stream *stream, hg_error *error) {
  (void)f;
  add(&filter->response, "|", 1);
  return end(stream, &filter->response, "back-end", error);
}
