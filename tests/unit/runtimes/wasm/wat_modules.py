"""Small modules in WebAssembly's text form."""

from __future__ import annotations

from pathlib import Path

IMPORTS = {
    "proxy_get_header_map_value": "i32 i32 i32 i32 i32",
    "proxy_add_header_map_value": "i32 i32 i32 i32 i32",
    "proxy_replace_header_map_value": "i32 i32 i32 i32 i32",
    "proxy_set_header_map_pairs": "i32 i32 i32",
    "proxy_get_header_map_pairs": "i32 i32 i32",
    "proxy_remove_header_map_value": "i32 i32 i32",
    "proxy_send_local_response": "i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_get_buffer_bytes": "i32 i32 i32 i32 i32",
    "proxy_set_buffer_bytes": "i32 i32 i32 i32 i32",
    "proxy_log": "i32 i32 i32",
    "proxy_http_call": "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_grpc_call": "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_grpc_stream": "i32 i32 i32 i32 i32 i32 i32 i32 i32",
    "proxy_grpc_send": "i32 i32 i32 i32",
    "proxy_grpc_cancel": "i32",
    "proxy_grpc_close": "i32",
    "proxy_get_status": "i32 i32 i32",
    "proxy_continue_stream": "i32",
    "proxy_close_stream": "i32",
    "proxy_set_tick_period_milliseconds": "i32",
    "proxy_set_shared_data": "i32 i32 i32 i32 i32",
    "proxy_get_shared_data": "i32 i32 i32 i32 i32",
    "proxy_register_shared_queue": "i32 i32 i32",
    "proxy_enqueue_shared_queue": "i32 i32 i32",
    "proxy_dequeue_shared_queue": "i32 i32 i32",
    "proxy_define_metric": "i32 i32 i32 i32",
    "proxy_increment_metric": "i32 i64",
    "proxy_get_property": "i32 i32 i32 i32",
    "proxy_set_property": "i32 i32 i32 i32",
    "proxy_call_foreign_function": "i32 i32 i32 i32 i32 i32",
    "proxy_set_effective_context": "i32",
    "proxy_done": "",
}


def module(body: str, *, abi: str = "0_2_1", data: dict[int, str] | None = None, allocator: bool = True) -> str:
    """A module with memory, allocator and ABI marker around some functions. A host function is imported as ``$name`` if the body names it.

    :param data: address -> bytes as WAT writes them
    """
    used = [name for name in IMPORTS if f"${name.removeprefix('proxy_')}" in body]
    imports = "".join(
        f'(import "env" "{name}" (func ${name.removeprefix("proxy_")} (param {IMPORTS[name]}) (result i32)))'.replace("(param )", "")
        for name in used
    )
    marker = f'(func (export "proxy_abi_version_{abi}"))' if abi else ""
    pieces = "".join(f'(data (i32.const {at}) "{text}")' for at, text in (data or {}).items())
    allocate = """
      (global $free (mut i32) (i32.const 4096))
      (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (local $at i32)
        (if (i32.gt_u (i32.add (global.get $free) (local.get $size)) (i32.const 60000)) (then (global.set $free (i32.const 4096))))
        (local.set $at (global.get $free))
        (global.set $free (i32.add (local.get $at) (local.get $size)))
        (local.get $at))"""
    return f'(module {imports} (memory (export "memory") 1) {pieces} {marker} {allocate if allocator else ""} {body})'


def write(folder: Path, body: str, **options: object) -> dict[str, object]:
    """Write a module into a folder; the ``config`` of an entry that runs it."""
    file = folder / "module.wat"
    file.write_text(module(body, **options))  # type: ignore[arg-type]  # passed on as they are
    return {"path": str(file)}


def on_request(code: str) -> str:
    """``proxy_on_request_headers`` with some code, which leaves the action."""
    return f'(func (export "proxy_on_request_headers") (param $c i32) (param $n i32) (param $e i32) (result i32) {code})'
