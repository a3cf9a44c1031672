"""All host functions of one VM, by module and name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.runtimes.wasm.host.buffers import BufferFunctions
from headgate.runtimes.wasm.host.calls import CallFunctions
from headgate.runtimes.wasm.host.general import GeneralFunctions
from headgate.runtimes.wasm.host.grpc import GrpcFunctions
from headgate.runtimes.wasm.host.header_maps import MapFunctions
from headgate.runtimes.wasm.host.metrics import MetricFunctions
from headgate.runtimes.wasm.host.properties import PropertyFunctions
from headgate.runtimes.wasm.host.shared import SharedFunctions
from headgate.runtimes.wasm.host.streams import StreamFunctions
from headgate.runtimes.wasm.host.wasi import wasi_functions
from headgate.runtimes.wasm.host_call import Functions, HostFunction
from headgate.runtimes.wasm.module import Module, Signature

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_TYPES: Final = {
    "proxy_done": "",
    "proxy_set_effective_context": "i",
    "proxy_log": "iii",
    "proxy_get_log_level": "i",
    "proxy_get_current_time_nanoseconds": "i",
    "proxy_set_tick_period_milliseconds": "i",
    "proxy_get_configuration": "ii",
    "proxy_call_foreign_function": "iiiiii",
    "proxy_set_buffer_bytes": "iiiii",
    "proxy_get_buffer_bytes": "iiiii",
    "proxy_get_buffer_status": "iii",
    "proxy_get_header_map_size": "ii",
    "proxy_get_header_map_pairs": "iii",
    "proxy_set_header_map_pairs": "iii",
    "proxy_get_header_map_value": "iiiii",
    "proxy_add_header_map_value": "iiiii",
    "proxy_replace_header_map_value": "iiiii",
    "proxy_remove_header_map_value": "iii",
    "proxy_continue_stream": "i",
    "proxy_close_stream": "i",
    "proxy_continue_request": "",
    "proxy_continue_response": "",
    "proxy_clear_route_cache": "",
    "proxy_get_status": "iii",
    "proxy_send_local_response": "iiiiiiii",
    "proxy_http_call": "iiiiiiiiii",
    "proxy_grpc_call": "iiiiiiiiiiii",
    "proxy_grpc_stream": "iiiiiiiii",
    "proxy_grpc_send": "iiii",
    "proxy_grpc_cancel": "i",
    "proxy_grpc_close": "i",
    "proxy_set_shared_data": "iiiii",
    "proxy_get_shared_data": "iiiii",
    "proxy_register_shared_queue": "iii",
    "proxy_resolve_shared_queue": "iiiii",
    "proxy_enqueue_shared_queue": "iii",
    "proxy_dequeue_shared_queue": "iii",
    "proxy_define_metric": "iiii",
    "proxy_record_metric": "iI",
    "proxy_increment_metric": "iI",
    "proxy_get_metric": "ii",
    "proxy_get_property": "iiii",
    "proxy_set_property": "iiii",
}
"""Parameters of each function of the module ``env``; all return a status."""


_OLDER: Final = {
    ("proxy_grpc_call", "iiiiiiiiii"): "proxy_grpc_call_without_metadata",
    ("proxy_grpc_stream", "iiiiiii"): "proxy_grpc_stream_without_metadata",
}
"""Functions that SDKs made before the first ABI was written down (AssemblyScript's) import with other parameters: what then stands for
them."""


def host_functions(vm: Vm, module: Module) -> Functions:
    """What a guest may import."""
    implementations: dict[str, HostFunction] = {}
    for group in (
        GeneralFunctions(vm),
        BufferFunctions(vm),
        MapFunctions(vm),
        StreamFunctions(vm),
        CallFunctions(vm),
        GrpcFunctions(vm),
        SharedFunctions(vm),
        MetricFunctions(vm),
        PropertyFunctions(vm),
    ):
        for name in dir(group):
            if not name.startswith("_"):
                implementations[f"proxy_{name}"] = getattr(group, name)
    functions: dict[tuple[str, str], tuple[Signature, HostFunction]] = {
        ("env", name): (Signature(params, "i"), implementations[name]) for name, params in _TYPES.items()
    }
    for item in module.imports:
        params = item.signature.params if item.signature is not None else ""
        older = _OLDER.get((item.name, params))
        if older is not None:
            functions["env", item.name] = (Signature(params, "i"), implementations[older])
    functions.update(wasi_functions(vm))
    return functions
