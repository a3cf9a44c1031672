/* Prints what version 1.0 of the ABI laid down: offsets of members, sizes of what is passed by value or in arrays, numbers. */
#include <headgate_filter.h>
#include <stdio.h>

#define AT(type, member) printf(#type "." #member " %zu\n", offsetof(type, member));
#define SIZE(type) printf(#type " %zu\n", sizeof(type));
#define NUMBER(name) printf(#name " %d\n", (int)(name));

int main(void) {
  AT(hg_head, size) AT(hg_head, total) AT(hg_head, field_count) AT(hg_head, status) AT(hg_head, method_length)
  AT(hg_head, target_length) AT(hg_head, scheme_length) AT(hg_head, has_body) AT(hg_head, body_length) AT(hg_head, reserved)
  AT(hg_error, size) AT(hg_error, length) AT(hg_error, text)
  AT(hg_module_info, size) AT(hg_module_info, phase) AT(hg_module_info, request_body)
  AT(hg_module_info, response_body) AT(hg_module_info, features) AT(hg_module_info, version)
  AT(hg_pair, name) AT(hg_pair, value)
  AT(hg_text, data) AT(hg_text, length)
  AT(hg_host, size) AT(hg_host, abi_version) AT(hg_host, features)
  AT(hg_host, request_header_set) AT(hg_host, request_header_add) AT(hg_host, request_header_remove)
  AT(hg_host, request_method_set) AT(hg_host, request_target_set) AT(hg_host, response_header_set)
  AT(hg_host, response_header_add) AT(hg_host, response_header_remove) AT(hg_host, response_status_set)
  AT(hg_host, body_set) AT(hg_host, chunk_set) AT(hg_host, trailer_set)
  AT(hg_host, trailer_remove) AT(hg_host, reply) AT(hg_host, terminate)
  AT(hg_host, request_header_get) AT(hg_host, response_header_get) AT(hg_host, variable_get)
  AT(hg_host, variable_set) AT(hg_host, log) AT(hg_host, log_enabled)
  AT(hg_host, counter_add) AT(hg_host, gauge_set) AT(hg_host, later_create)
  AT(hg_host, later_complete) AT(hg_host, later_wanted) AT(hg_host, plugin_register)
  AT(hg_host, plugin_call)
  SIZE(hg_head) SIZE(hg_error) SIZE(hg_module_info) SIZE(hg_pair) SIZE(hg_text)
  NUMBER(HG_CONTINUE) NUMBER(HG_STOP) NUMBER(HG_TERMINATE) NUMBER(HG_REMATCH_ROUTE)
  NUMBER(HG_RECHOOSE_HOST) NUMBER(HG_LATER) NUMBER(HG_FAILED) NUMBER(HG_OK)
  NUMBER(HG_NOT_FOUND) NUMBER(HG_BAD_ARGUMENT) NUMBER(HG_GONE) NUMBER(HG_TOO_LATE)
  NUMBER(HG_WRONG_THREAD) NUMBER(HG_WRONG_HOOK) NUMBER(HG_TOO_SMALL) NUMBER(HG_UNSUPPORTED)
  NUMBER(HG_INTERNAL) NUMBER(HG_BEFORE_ROUTE) NUMBER(HG_AFTER_ROUTE) NUMBER(HG_AFTER_CHOOSE_HOST)
  NUMBER(HG_BODY_NONE) NUMBER(HG_BODY_CHUNKS) NUMBER(HG_BODY_BUFFER) NUMBER(HG_TRACE)
  NUMBER(HG_DEBUG) NUMBER(HG_INFO) NUMBER(HG_WARN) NUMBER(HG_ERROR)
  NUMBER(HG_ABI_MAJOR) NUMBER(HG_MODULE_MAY_UNLOAD) NUMBER(HG_HOST_PLUGINS)
  return 0;
}
