"""The callbacks that a guest exports, looked up once for each instance; None where it has none.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.runtimes.wasm.errors import ModuleError
from headgate.runtimes.wasm.instance import Instance
from headgate.runtimes.wasm.module import Module, Signature

TYPES: Final[dict[str, tuple[str, str]]] = {
    "proxy_on_vm_start": ("ii", "i"),
    "proxy_on_configure": ("ii", "i"),
    "proxy_on_context_create": ("ii", ""),
    "proxy_on_tick": ("i", ""),
    "proxy_on_done": ("i", "i"),
    "proxy_on_log": ("i", ""),
    "proxy_on_delete": ("i", ""),
    "proxy_on_request_headers": ("iii", "i"),
    "proxy_on_request_body": ("iii", "i"),
    "proxy_on_request_trailers": ("ii", "i"),
    "proxy_on_response_headers": ("iii", "i"),
    "proxy_on_response_body": ("iii", "i"),
    "proxy_on_response_trailers": ("ii", "i"),
    "proxy_on_http_call_response": ("iiiii", ""),
    "proxy_on_grpc_receive_initial_metadata": ("iii", ""),
    "proxy_on_grpc_receive": ("iii", ""),
    "proxy_on_grpc_receive_trailing_metadata": ("iii", ""),
    "proxy_on_grpc_trailing_metadata": ("iii", ""),
    "proxy_on_grpc_close": ("iii", ""),
    "proxy_on_queue_ready": ("ii", ""),
    "proxy_on_memory_allocate": ("i", "i"),
    "malloc": ("i", "i"),
}
"""Parameters and result of each."""

_HEADERS: Final = ("proxy_on_request_headers", "proxy_on_response_headers")
"""Those of ABI 0.1.0 may lack the third parameter; a call leaves it unread then."""
_OLDER: Final = {"proxy_on_grpc_receive_trailing_metadata": "proxy_on_grpc_trailing_metadata"}
"""What SDKs made before the first ABI was written down (AssemblyScript's) call it."""


class Callbacks:
    """One instance's, to be called with :meth:`Instance.call`."""

    def __init__(self, instance: Instance, module: Module) -> None:
        self._instance = instance
        self._module = module
        self.context_create: object | None = self.find("proxy_on_context_create")
        self.done: object | None = self.find("proxy_on_done")
        self.log: object | None = self.find("proxy_on_log")
        self.delete: object | None = self.find("proxy_on_delete")
        self.request_headers: object | None = self.find("proxy_on_request_headers")
        self.request_body: object | None = self.find("proxy_on_request_body")
        self.request_trailers: object | None = self.find("proxy_on_request_trailers")
        self.response_headers: object | None = self.find("proxy_on_response_headers")
        self.response_body: object | None = self.find("proxy_on_response_body")
        self.response_trailers: object | None = self.find("proxy_on_response_trailers")

    def find(self, name: str) -> object | None:
        """An exported function by its name."""
        if name not in self._module.functions:
            name = _OLDER.get(name, "")
        return self._instance.function(name) if name in self._module.functions else None


def check_exports(module: Module) -> None:
    """Make sure that the callbacks which a module exports can be called.

    :raises ModuleError: naming those that have another type
    """
    wrong: list[str] = []
    for name, (params, results) in TYPES.items():
        signature = module.functions.get(name)
        expected = Signature(params, results)
        if signature is None or signature == expected or (name in _HEADERS and signature == Signature("ii", "i")):
            continue
        wrong.append(f"{name}{signature}, which should be {expected}")
    if wrong:
        raise ModuleError("the module exports callbacks of another type: " + "; ".join(wrong))
