"""The part of wasmtime's C API that is used here, in C.

Liberties, all without effect on the binary interface: the raw values of a call (``wasmtime_val_raw_t``, a union of 16 bytes) are
declared as ``uint32_t *``, four words each, because cffi reads a word faster than a member of a union; and pointers that a call only
compares or passes on (traps, errors, what a host function is given) are declared as ``uintptr_t``, as cffi makes no object for a number.
:mod:`headgate.runtimes.wasm.abi_check` holds all of it against the wheel's own ctypes declarations.
"""

from __future__ import annotations

from typing import Final

DECLARATIONS: Final = """
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_frame_t wasm_frame_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_externtype_t wasm_externtype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct wasmtime_linker wasmtime_linker_t;

typedef struct { size_t size; uint8_t *data; } wasm_byte_vec_t;
typedef struct { size_t size; wasm_frame_t **data; } wasm_frame_vec_t;
typedef struct { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct { size_t size; wasm_importtype_t **data; } wasm_importtype_vec_t;
typedef struct { size_t size; wasm_exporttype_t **data; } wasm_exporttype_vec_t;
typedef struct { uint64_t store_id; void *private1; } wasmtime_func_t;
typedef struct { struct { uint64_t store_id; uint32_t private1; } anon; uint32_t private2; } wasmtime_memory_t;
typedef struct { uint64_t store_id; size_t private1; } wasmtime_instance_t;
typedef struct { uint8_t kind; union { wasmtime_func_t func; wasmtime_memory_t memory; } of; } wasmtime_extern_t;

typedef uintptr_t (*headgate_host_function)(uintptr_t env, uintptr_t caller, uint32_t *values, size_t count);
typedef uintptr_t (*headgate_epoch_function)(wasmtime_context_t *context, void *data, uint64_t *delta, uint8_t *kind);

void wasm_byte_vec_delete(wasm_byte_vec_t *);
wasm_config_t *wasm_config_new(void);
void wasmtime_config_epoch_interruption_set(wasm_config_t *, bool);
void wasmtime_config_memory_may_move_set(wasm_config_t *, bool);
void wasmtime_config_memory_reservation_set(wasm_config_t *, uint64_t);
void wasmtime_config_parallel_compilation_set(wasm_config_t *, bool);
wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
void wasmtime_engine_increment_epoch(wasm_engine_t *);

void wasmtime_error_message(wasmtime_error_t *, wasm_byte_vec_t *);
void wasmtime_error_wasm_trace(wasmtime_error_t *, wasm_frame_vec_t *);
wasmtime_error_t *wasmtime_error_new(char *);
void wasmtime_error_delete(wasmtime_error_t *);
wasm_trap_t *wasmtime_trap_new(char *, size_t);
void wasm_trap_message(wasm_trap_t *, wasm_byte_vec_t *);
void wasm_trap_trace(wasm_trap_t *, wasm_frame_vec_t *);
void wasm_trap_delete(wasm_trap_t *);
uint32_t wasm_frame_func_index(wasm_frame_t *);
wasm_byte_vec_t *wasmtime_frame_func_name(wasm_frame_t *);
void wasm_frame_vec_delete(wasm_frame_vec_t *);

wasmtime_error_t *wasmtime_wat2wasm(char *, size_t, wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_module_new(wasm_engine_t *, uint8_t *, size_t, wasmtime_module_t **);
wasmtime_error_t *wasmtime_module_serialize(wasmtime_module_t *, wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_module_deserialize(wasm_engine_t *, uint8_t *, size_t, wasmtime_module_t **);
void wasmtime_module_imports(wasmtime_module_t *, wasm_importtype_vec_t *);
void wasmtime_module_exports(wasmtime_module_t *, wasm_exporttype_vec_t *);
void wasmtime_module_delete(wasmtime_module_t *);
wasm_byte_vec_t *wasm_importtype_module(wasm_importtype_t *);
wasm_byte_vec_t *wasm_importtype_name(wasm_importtype_t *);
wasm_externtype_t *wasm_importtype_type(wasm_importtype_t *);
void wasm_importtype_vec_delete(wasm_importtype_vec_t *);
wasm_byte_vec_t *wasm_exporttype_name(wasm_exporttype_t *);
wasm_externtype_t *wasm_exporttype_type(wasm_exporttype_t *);
void wasm_exporttype_vec_delete(wasm_exporttype_vec_t *);
uint8_t wasm_externtype_kind(wasm_externtype_t *);
wasm_functype_t *wasm_externtype_as_functype_const(wasm_externtype_t *);
wasm_valtype_vec_t *wasm_functype_params(wasm_functype_t *);
wasm_valtype_vec_t *wasm_functype_results(wasm_functype_t *);
wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *, wasm_valtype_vec_t *);
void wasm_functype_delete(wasm_functype_t *);
uint8_t wasm_valtype_kind(wasm_valtype_t *);
wasm_valtype_t *wasm_valtype_new(uint8_t);
void wasm_valtype_vec_new(wasm_valtype_vec_t *, size_t, wasm_valtype_t **);

wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void *);
wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
void wasmtime_store_limiter(wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t);
void wasmtime_store_epoch_deadline_callback(wasmtime_store_t *, headgate_epoch_function, void *, void *);
void wasmtime_context_set_epoch_deadline(wasmtime_context_t *, uint64_t);
void wasmtime_store_delete(wasmtime_store_t *);
wasmtime_linker_t *wasmtime_linker_new(wasm_engine_t *);
wasmtime_error_t *wasmtime_linker_define_func_unchecked(
    wasmtime_linker_t *, char *, size_t, char *, size_t, wasm_functype_t *, headgate_host_function, void *, void *);
wasmtime_error_t *wasmtime_linker_instantiate(
    wasmtime_linker_t *, wasmtime_context_t *, wasmtime_module_t *, wasmtime_instance_t *, wasm_trap_t **);
void wasmtime_linker_delete(wasmtime_linker_t *);
bool wasmtime_instance_export_get(wasmtime_context_t *, wasmtime_instance_t *, char *, size_t, wasmtime_extern_t *);
uintptr_t wasmtime_func_call_unchecked(wasmtime_context_t *, wasmtime_func_t *, uint32_t *, size_t, uintptr_t *);
uint8_t *wasmtime_memory_data(wasmtime_context_t *, wasmtime_memory_t *);
size_t wasmtime_memory_data_size(wasmtime_context_t *, wasmtime_memory_t *);
"""
