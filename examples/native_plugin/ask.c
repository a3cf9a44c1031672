/* A shared object that has its decision made by a process of its own: the plugin "checker", which Headgate starts and looks after.
 *
 *   cc -std=c11 -O2 -shared -fPIC -I"$(headgate include-dir)" -o ask.so ask.c
 */
#include <headgate_filter.h>
#include <stdlib.h>

#define TIMEOUT_MS 1000
#define REJECTED (-1)

struct hg_factory {
  const hg_host *host;
};

/* One question under way. */
struct question {
  const hg_host *host;
  hg_later *later;
};

uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }

hg_factory *headgate_factory_create(const hg_host *host, const char *config, size_t length, hg_error *error) {
  static const hg_text arguments[] = {{"-c", 2}, {"checkconf.json", 14}};
  static const char refused[] = "no plugin \"checker\": neither in the configuration's \"plugins\" nor as an executable beside it";
  (void)config;
  (void)length;
  /* An entry "checker" of the configuration's "plugins", or the executable of that name beside the configuration file. */
  if (!(host->features & HG_HOST_PLUGINS) || host->plugin_register("checker", 7, arguments, 2) != HG_OK) {
    hg_error_set(error, refused, sizeof refused - 1);
    return NULL;
  }
  hg_factory *factory = calloc(1, sizeof *factory);
  if (factory != NULL) factory->host = host;
  return factory;
}

void headgate_factory_destroy(hg_factory *factory) { free(factory); }

/* The answer is there, or it is clear that none will come: exactly one call, in the worker's thread. */
static void answered(void *user, hg_stream *stream, int32_t status, const hg_pair *headers, size_t header_count, hg_text body, hg_text failure) {
  struct question *question = user;
  const hg_host *host = question->host;
  (void)stream;
  (void)headers;
  (void)header_count;
  (void)body;
  if (failure.length != 0) {
    host->log(HG_WARN, failure.data, failure.length);
    host->later_complete(question->later, HG_FAILED, 0, NULL, 0, NULL, 0); /* the entry's on_error decides */
  } else if (status == REJECTED) {
    host->later_complete(question->later, HG_STOP, 403, NULL, 0, "forbidden\n", 10);
  } else {
    host->later_complete(question->later, HG_CONTINUE, 0, NULL, 0, NULL, 0);
  }
  free(question);
}

/* Shows the request's header fields to the plugin. The stream waits for the answer, the worker does not. */
int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  const hg_host *host = factory->host;
  struct question *question = calloc(1, sizeof *question);
  hg_pair *fields = calloc(head->field_count + 1, sizeof *fields);
  int32_t verdict = HG_FAILED;
  (void)filter;
  if (question != NULL && fields != NULL && (question->later = host->later_create(stream)) != NULL) {
    size_t count = 0;
    hg_fields at = hg_fields_begin(head);
    while (hg_fields_next(&at, &fields[count])) count++;
    question->host = host;
    if (host->plugin_call(stream, "checker", 7, fields, count, NULL, 0, TIMEOUT_MS, answered, question) == HG_OK) {
      question = NULL; /* the callback's now */
      verdict = HG_LATER;
    }
  }
  if (verdict == HG_FAILED) hg_error_set(error, "the plugin cannot be asked", 26);
  free(fields);
  free(question);
  return verdict;
}
