/* The demo as a shared object; the configuration is {"user":"..."}. X-Do makes it fail, or never come to a verdict. */
#include <headgate_filter.h>
#include <stdlib.h>
#include <string.h>

struct hg_factory {
  const hg_host *host;
  char user[64];
  size_t user_length;
};

uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }

const hg_module_info *headgate_module_info(void) {
  static const hg_module_info info = {.size = sizeof info, .phase = HG_AFTER_ROUTE, .features = HG_MODULE_MAY_UNLOAD};
  return &info;
}

hg_factory *headgate_factory_create(const hg_host *host, const char *config, size_t length, hg_error *error) {
  static const char before[] = "{\"user\":\"", after[] = "\"}";
  const size_t around = sizeof before - 1 + sizeof after - 1;
  hg_factory *factory = calloc(1, sizeof *factory);
  if (factory == NULL) return NULL;
  if (length <= around || length - around > sizeof factory->user || memcmp(config, before, sizeof before - 1) != 0) {
    hg_error_set(error, "expected {\"user\": ...}", 22);
    free(factory);
    return NULL;
  }
  factory->host = host;
  factory->user_length = length - around;
  memcpy(factory->user, config + sizeof before - 1, factory->user_length);
  return factory;
}

void headgate_factory_destroy(hg_factory *factory) { free(factory); }

static int is(const hg_head *head, const char *name, const char *value, size_t length) {
  hg_text found;
  return hg_field_get(head, name, strlen(name), &found) && hg_text_equal(found, value, length);
}

int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  (void)filter;
  if (is(head, "x-do", "fail", 4)) {
    hg_error_set(error, "told to fail", 12);
    return HG_FAILED;
  }
  if (is(head, "x-do", "never", 5)) return factory->host->later_create(stream) == NULL ? HG_FAILED : HG_LATER;
  if (is(head, "user", factory->user, factory->user_length)) return HG_CONTINUE;
  factory->host->reply(stream, 403, NULL, 0, "forbidden\n", 10);
  return HG_STOP;
}
