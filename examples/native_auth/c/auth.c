/* The auth filter as a shared object in C: a request passes only if it carries the headers that the configuration names.
 *
 *   cc -std=c11 -O2 -shared -fPIC -I"$(headgate include-dir)" -o auth.so auth.c
 */
#include <headgate_filter.h>
#include <stdlib.h>

#define MAX_RULES 16

struct hg_factory {
  const hg_host *host;
  size_t count;
  struct { char name[64]; size_t name_length; char value[256]; size_t value_length; } rules[MAX_RULES];
};

/* Reads one JSON string without escapes: what header names and simple values are. Returns the place behind it, or NULL. */
static const char *read_string(const char *at, const char *end, char *out, size_t space, size_t *length) {
  while (at < end && (*at == ' ' || *at == ',' || *at == ':' || *at == '{')) at++;
  if (at == end || *at != '"') return NULL;
  size_t n = 0;
  for (at++; at < end && *at != '"'; at++) {
    if (*at == '\\' || n == space) return NULL;
    out[n++] = *at;
  }
  *length = n;
  return at < end ? at + 1 : NULL;
}

uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }

const hg_module_info *headgate_module_info(void) {
  static const hg_module_info info = {.size = sizeof info, .phase = HG_BEFORE_ROUTE, .features = HG_MODULE_HOOK_ONLY};
  return &info;
}

hg_factory *headgate_factory_create(const hg_host *host, const char *config, size_t length, hg_error *error) {
  static const char refused[] = "expected {\"Header\": \"value\", ...} with at most 16 plain strings";
  const char *end = config + length;
  hg_factory *factory = calloc(1, sizeof *factory);
  if (factory == NULL) return NULL;
  factory->host = host;
  while (config < end && *config != '}') {
    if (factory->count == MAX_RULES) break;
    size_t i = factory->count++;
    config = read_string(config, end, factory->rules[i].name, sizeof factory->rules[i].name, &factory->rules[i].name_length);
    if (config != NULL) config = read_string(config, end, factory->rules[i].value, sizeof factory->rules[i].value, &factory->rules[i].value_length);
    if (config == NULL) break;
  }
  if (config == NULL || config == end || *config != '}' || factory->count == 0) {
    hg_error_set(error, refused, sizeof refused - 1);
    free(factory);
    return NULL;
  }
  return factory;
}

void headgate_factory_destroy(hg_factory *factory) { free(factory); }

int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  (void)filter;
  (void)error;
  for (size_t i = 0; i < factory->count; i++) {
    hg_text value;
    if (!hg_field_get(head, factory->rules[i].name, factory->rules[i].name_length, &value) ||
        !hg_text_equal(value, factory->rules[i].value, factory->rules[i].value_length)) {
      factory->host->reply(stream, 403, NULL, 0, "forbidden\n", 10);
      return HG_STOP;
    }
  }
  return HG_CONTINUE;
}
