/* Exercises every function of hg_host with every kind of argument, wrong ones included. A request's header `do` names what is done; the
 * number that came back is put into the request header `x-result` (or `x-response-result` on the way back). */
#include <headgate_filter.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct hg_factory {
  const hg_host *host;
  char config[512];
  size_t length;
};
struct hg_filter {
  hg_factory *factory;
  hg_stream *stream;
};

static const hg_host *H;
static hg_stream *kept;
static const hg_head *kept_head;

static int is(hg_text t, const char *s) { return hg_text_equal(t, s, strlen(s)); }
static int find(const char *where, size_t length, const char *what) {
  size_t n = strlen(what);
  for (size_t i = 0; i + n <= length; i++)
    if (memcmp(where + i, what, n) == 0) return 1;
  return 0;
}

uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }

static const hg_module_info INFO = {sizeof(hg_module_info),
#ifdef EXERCISE_BUFFER
                                    HG_AFTER_ROUTE, HG_BODY_BUFFER, HG_BODY_BUFFER,
#elif defined(EXERCISE_CHUNKS)
                                    HG_BEFORE_ROUTE, HG_BODY_CHUNKS, HG_BODY_CHUNKS,
#else
                                    HG_AFTER_ROUTE, HG_BODY_NONE, HG_BODY_NONE,
#endif
                                    0, {"exercise 1", 10}};
const hg_module_info *headgate_module_info(void) { return &INFO; }

hg_factory *headgate_factory_create(const hg_host *host, const char *config, size_t length, hg_error *error) {
  H = host;
  if (find(config, length, "refuse")) {
    hg_error_set(error, "refused by the module", 21);
    return NULL;
  }
  if (find(config, length, "silent")) return NULL;
  if (!HG_HAS(host, hg_host, plugin_call) || host->abi_version >> 16 != HG_ABI_MAJOR) {
    hg_error_set(error, "the host is too old", 19);
    return NULL;
  }
  hg_factory *factory = calloc(1, sizeof *factory);
  factory->host = host;
  factory->length = length < sizeof factory->config ? length : sizeof factory->config;
  memcpy(factory->config, config, factory->length);
  if (find(config, length, "plugin")) {
    hg_text args[1] = {{"-v", 2}};
    if (host->plugin_register("helper", 6, args, 1) != HG_OK) {
      hg_error_set(error, "no plugin", 9);
      free(factory);
      return NULL;
    }
  }
  return factory;
}
void headgate_factory_destroy(hg_factory *factory) { free(factory); }

hg_filter *headgate_filter_create(hg_factory *factory, hg_stream *stream, hg_error *error) {
  if (find(factory->config, factory->length, "no-filter")) {
    hg_error_set(error, "no filter today", 15);
    return NULL;
  }
  hg_filter *filter = calloc(1, sizeof *filter);
  filter->factory = factory;
  filter->stream = stream;
  H->counter_add("exercise.created", 16, 1);
  return filter;
}
void headgate_filter_destroy(hg_filter *filter) {
  H->counter_add("exercise.destroyed", 18, 1);
  free(filter);
}
void headgate_filter_configure(hg_filter *filter, hg_factory *factory) { filter->factory = factory; }

struct owed { hg_later *later; int32_t verdict; uint32_t status; };
static void *pay(void *argument) {
  struct owed *owed = argument;
  hg_pair header = {{"x-from", 6}, {"thread", 6}};
  usleep(2000);
  H->log(HG_INFO, "from a thread", 13);
  /* Not from a thread of our own: */
  if (H->request_header_set(kept, "a", 1, "b", 1) != HG_WRONG_THREAD) H->log(HG_ERROR, "thread not noticed", 18);
  H->later_wanted(owed->later);
  H->later_complete(owed->later, owed->verdict, owed->status, &header, owed->status ? 1 : 0, "later", owed->status ? 5 : 0);
  if (H->later_complete(owed->later, HG_CONTINUE, 0, NULL, 0, NULL, 0) != HG_GONE) H->log(HG_ERROR, "paid twice", 10);
  free(owed);
  return NULL;
}

static int32_t result(hg_stream *stream, int32_t number) {
  char text[16];
  int length = snprintf(text, sizeof text, "%d", (int)number);
  H->request_header_set(stream, "x-result", 8, text, (size_t)length);
  return HG_CONTINUE;
}

static void answered(void *user, hg_stream *stream, int32_t status, const hg_pair *headers, size_t count, hg_text body, hg_text failure) {
  char text[200];
  int length = snprintf(text, sizeof text, "%d %zu %.*s %.*s", (int)status, count, (int)body.length, body.data, (int)failure.length, failure.data);
  (void)headers;
  H->request_header_set(stream, "x-plugin", 8, text, (size_t)length);
  H->later_complete(user, HG_CONTINUE, 0, NULL, 0, NULL, 0);
}

int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  hg_text what, value;
  (void)factory;
  if (filter == NULL || filter->stream != stream) return HG_FAILED;
  kept = stream;
  if (!hg_field_get(head, "DO", 2, &what)) return HG_CONTINUE;
  if (is(what, "read")) {
    char text[300];
    hg_text method = hg_head_method(head), target = hg_head_target(head), scheme = hg_head_scheme(head), body = hg_head_body(head);
    int n = snprintf(text, sizeof text, "%.*s %.*s %.*s %u %u %.*s", (int)method.length, method.data, (int)target.length, target.data,
                     (int)scheme.length, scheme.data, head->field_count, head->has_body, (int)body.length, body.data);
    H->reply(stream, 200, NULL, 0, text, (size_t)n);
    return HG_STOP;
  }
  if (is(what, "set")) return result(stream, H->request_header_set(stream, "x-new", 5, "one", 3));
  if (is(what, "add")) { H->request_header_add(stream, "x-new", 5, "one", 3); return result(stream, H->request_header_add(stream, "x-new", 5, "two", 3)); }
  if (is(what, "remove")) return result(stream, H->request_header_remove(stream, "x-gone", 6));
  if (is(what, "remove-missing")) return result(stream, H->request_header_remove(stream, "x-never", 7));
  if (is(what, "bad-name")) return result(stream, H->request_header_set(stream, "a b", 3, "x", 1));
  if (is(what, "bad-value")) return result(stream, H->request_header_set(stream, "x-new", 5, "a\r\nb: c", 7));
  if (is(what, "nul-value")) return result(stream, H->request_header_set(stream, "x-new", 5, "a\0b", 3));
  if (is(what, "not-utf8")) return result(stream, H->request_header_set(stream, "x-new", 5, "a\xff\xfe", 3));
  if (is(what, "null")) return result(stream, H->request_header_set(stream, NULL, 5, NULL, 3));
  if (is(what, "huge")) return result(stream, H->request_header_set(stream, "x-new", 5, "x", (size_t)1 << 40));
  if (is(what, "method")) return result(stream, H->request_method_set(stream, "PUT", 3));
  if (is(what, "bad-method")) return result(stream, H->request_method_set(stream, "P T", 3));
  if (is(what, "target")) return result(stream, H->request_target_set(stream, "/else?x=1", 9));
  if (is(what, "bad-target")) return result(stream, H->request_target_set(stream, "/a b", 4));
  if (is(what, "early-response")) return result(stream, H->response_header_set(stream, "a", 1, "b", 1));
  if (is(what, "early-status")) return result(stream, H->response_status_set(stream, 200));
  if (is(what, "chunk")) return result(stream, H->chunk_set(stream, "x", 1));
  if (is(what, "body")) return result(stream, H->body_set(stream, "changed", 7));
  if (is(what, "trailer")) return result(stream, H->trailer_set(stream, "a", 1, "b", 1));
  if (is(what, "gone")) return result(stream, H->request_header_set((hg_stream *)0x7fffffff, "a", 1, "b", 1));
  if (is(what, "gone-terminate")) return result(stream, H->terminate((hg_stream *)0x7fffffff, 503));
  if (is(what, "get")) {
    char buffer[64];
    size_t length = sizeof buffer;
    int32_t number = H->request_header_get(stream, "x-gone", 6, buffer, &length);
    H->request_header_set(stream, "x-got", 5, buffer, number == HG_OK ? length : 0);
    return result(stream, number);
  }
  if (is(what, "get-small")) {
    char buffer[1];
    size_t length = 1;
    int32_t number = H->request_header_get(stream, "x-gone", 6, buffer, &length);
    return result(stream, number == HG_TOO_SMALL ? (int32_t)length : number);
  }
  if (is(what, "get-null")) return result(stream, H->request_header_get(stream, "x-gone", 6, NULL, NULL));
  if (is(what, "variable")) {
    char buffer[64];
    size_t length = sizeof buffer;
    H->variable_set(stream, "mine", 4, "42", 2);
    int32_t number = H->variable_get(stream, "mine", 4, buffer, &length);
    H->request_header_set(stream, "x-got", 5, buffer, length);
    return result(stream, number);
  }
  if (is(what, "variable-missing")) { size_t length = 0; return result(stream, H->variable_get(stream, "none", 4, NULL, &length)); }
  if (is(what, "peer")) {
    char buffer[64];
    size_t length = sizeof buffer;
    int32_t number = H->variable_get(stream, "downstream_remote_address", 25, buffer, &length);
    H->request_header_set(stream, "x-got", 5, buffer, number == HG_OK ? length : 0);
    return result(stream, number);
  }
  if (is(what, "log")) { H->log(HG_WARN, "written", 7); return result(stream, H->log(99, "x", 1)); }
  if (is(what, "log-null")) return result(stream, H->log(HG_INFO, NULL, 5));
  if (is(what, "log-enabled")) return result(stream, H->log_enabled(HG_ERROR));
  if (is(what, "metric")) { H->gauge_set("exercise.gauge", 14, -3); return result(stream, H->counter_add("exercise.count", 14, 5)); }
  if (is(what, "bad-metric")) return result(stream, H->counter_add("a b", 3, 5));
  if (is(what, "metric-kind")) { H->counter_add("exercise.kind", 13, 1); return result(stream, H->gauge_set("exercise.kind", 13, 5)); }
  if (is(what, "reply")) {
    hg_pair headers[2] = {{{"x-a", 3}, {"1", 1}}, {{"x-b", 3}, {"2", 1}}};
    H->reply(stream, 418, headers, 2, "tea", 3);
    return HG_STOP;
  }
  if (is(what, "reply-twice")) {
    H->reply(stream, 418, NULL, 0, NULL, 0);
    int32_t number = H->reply(stream, 200, NULL, 0, NULL, 0);
    return number == HG_TOO_LATE ? HG_STOP : HG_FAILED;
  }
  if (is(what, "reply-status")) return result(stream, H->reply(stream, 99, NULL, 0, NULL, 0));
  if (is(what, "reply-null")) return result(stream, H->reply(stream, 200, NULL, 3, NULL, 0));
  if (is(what, "stop")) return HG_STOP;
  if (is(what, "terminate")) return HG_TERMINATE;
  if (is(what, "terminate-code")) { H->terminate(stream, 503); return HG_CONTINUE; }
  if (is(what, "terminate-bad")) return result(stream, H->terminate(stream, 200));
  if (is(what, "fail")) { hg_error_set(error, "said so", 7); return HG_FAILED; }
  if (is(what, "fail-silent")) return HG_FAILED;
  if (is(what, "nonsense")) return 77;
  if (is(what, "later-unpromised")) return HG_LATER;
  if (is(what, "later-twice")) { H->later_create(stream); return result(stream, H->later_create(stream) == NULL ? 1 : 0); }
  if (is(what, "later-null")) return result(stream, H->later_wanted(NULL));
  if (is(what, "later") || is(what, "later-reply") || is(what, "later-fail") || is(what, "later-never")) {
    struct owed *owed = calloc(1, sizeof *owed);
    owed->later = H->later_create(stream);
    if (owed->later == NULL) return HG_FAILED;
    if (is(what, "later-never")) { free(owed); return HG_LATER; }
    owed->verdict = is(what, "later") ? HG_CONTINUE : is(what, "later-fail") ? HG_FAILED : HG_STOP;
    owed->status = is(what, "later-reply") ? 429 : 0;
    pthread_t thread;
    pthread_create(&thread, NULL, pay, owed);
    pthread_detach(thread);
    return HG_LATER;
  }
  if (is(what, "rematch")) {
    if (hg_field_get(head, "x-again", 7, &value)) return HG_CONTINUE;
    H->request_header_set(stream, "x-again", 7, "1", 1);
    return HG_REMATCH_ROUTE;
  }
  if (is(what, "plugin")) {
    hg_later *later = H->later_create(stream);
    hg_pair header = {{"User", 4}, {"admin", 5}};
    int32_t number = H->plugin_call(stream, "helper", 6, &header, 1, "ask", 3, 500, answered, later);
    if (number != HG_OK) return result(stream, number);
    return HG_LATER;
  }
  if (is(what, "plugin-unknown")) return result(stream, H->plugin_call(stream, "nobody", 6, NULL, 0, NULL, 0, 0, answered, NULL));
  if (is(what, "plugin-register")) return result(stream, H->plugin_register("late", 4, NULL, 0));
  if (is(what, "plugin-null")) return result(stream, H->plugin_call(stream, "helper", 6, NULL, 0, NULL, 0, 0, NULL, NULL));
  if (is(what, "keep-head")) { kept_head = head; return HG_CONTINUE; }
  if (is(what, "use-head")) return kept_head != NULL && kept_head->field_count > 1000 ? HG_FAILED : HG_CONTINUE;
  if (is(what, "crash")) { *(volatile int *)8 = 1; return HG_CONTINUE; }
  if (is(what, "loop")) for (;;) usleep(1000);
  if (is(what, "config")) {
    H->reply(stream, 200, NULL, 0, factory->config, factory->length);
    return HG_STOP;
  }
  return result(stream, -99);
}

int32_t headgate_on_response(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  hg_text what;
  char buffer[64];
  size_t length = sizeof buffer;
  (void)factory;
  (void)filter;
  (void)error;
  if (H->request_header_get(stream, "back", 4, buffer, &length) != HG_OK) return HG_CONTINUE;
  what.data = buffer;
  what.length = length;
  int32_t number = -99;
  if (is(what, "set")) number = H->response_header_set(stream, "x-new", 5, "one", 3);
  if (is(what, "add")) number = H->response_header_add(stream, "x-new", 5, "two", 3);
  if (is(what, "remove")) number = H->response_header_remove(stream, "x-upstream", 10);
  if (is(what, "status")) number = H->response_status_set(stream, 202);
  if (is(what, "bad-status")) number = H->response_status_set(stream, 99);
  if (is(what, "seen")) number = (int32_t)head->status;
  if (is(what, "body")) number = H->body_set(stream, "changed", 7);
  if (is(what, "request")) number = H->request_header_set(stream, "a", 1, "b", 1);
  if (is(what, "get")) {
    char got[64];
    size_t space = sizeof got;
    number = H->response_header_get(stream, "x-upstream", 10, got, &space);
  }
  if (is(what, "reply")) { H->reply(stream, 418, NULL, 0, "tea", 3); return HG_STOP; }
  if (is(what, "terminate")) return HG_TERMINATE;
  char text[16];
  int n = snprintf(text, sizeof text, "%d", (int)number);
  H->response_header_set(stream, "x-result", 8, text, (size_t)n);
  return HG_CONTINUE;
}

#ifdef EXERCISE_CHUNKS
static int32_t upper(hg_stream *stream, const char *data, size_t length) {
  char *copy = malloc(length ? length : 1);
  for (size_t i = 0; i < length; i++) copy[i] = data[i] >= 'a' && data[i] <= 'z' ? (char)(data[i] - 32) : data[i];
  int32_t number = H->chunk_set(stream, copy, length);
  free(copy);
  return number == HG_OK ? HG_CONTINUE : HG_FAILED;
}
int32_t headgate_on_request_body(hg_factory *f, hg_filter *filter, hg_stream *stream, const char *data, size_t length, hg_error *error) {
  (void)f; (void)filter; (void)error;
  if (length == 4 && memcmp(data, "deny", 4) == 0) { H->reply(stream, 403, NULL, 0, NULL, 0); return HG_STOP; }
  return upper(stream, data, length);
}
int32_t headgate_on_response_body(hg_factory *f, hg_filter *filter, hg_stream *stream, const char *data, size_t length, hg_error *error) {
  (void)f; (void)filter; (void)error;
  return upper(stream, data, length);
}
int32_t headgate_on_request_trailers(hg_factory *f, hg_filter *filter, hg_stream *stream, const hg_head *trailers, hg_error *error) {
  hg_text value;
  (void)f; (void)filter; (void)error;
  if (hg_field_get(trailers, "x-sum", 5, &value)) H->trailer_set(stream, "x-sum", 5, "seen", 4);
  H->trailer_remove(stream, "x-drop", 6);
  return HG_CONTINUE;
}
int32_t headgate_on_response_trailers(hg_factory *f, hg_filter *filter, hg_stream *stream, const hg_head *trailers, hg_error *error) {
  (void)f; (void)filter; (void)error; (void)trailers;
  return H->trailer_set(stream, "x-back", 6, "seen", 4) == HG_OK ? HG_CONTINUE : HG_FAILED;
}
#endif

void headgate_on_log(hg_factory *factory, hg_filter *filter, hg_stream *stream) {
  char buffer[64];
  size_t length = sizeof buffer;
  (void)factory;
  (void)filter;
  if (H->variable_get(stream, "response_code", 13, buffer, &length) == HG_OK) H->counter_add("exercise.logged", 15, 1);
}
