"""The class of a module's filters: :class:`NativeFilter` with just those hooks that the module exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headgate.api.status import BodyNeed, Phase
from headgate.runtimes.native import abi
from headgate.runtimes.native.filter import NativeFilter
from headgate.runtimes.native.module import NativeModule

_HOOKS: Final[dict[str, Callable[..., object]]] = {
    "on_receive": NativeFilter.receive,
    "on_receive_data": NativeFilter.receive_data,
    "on_receive_end": NativeFilter.receive_end,
    "on_receive_trailers": NativeFilter.receive_trailers,
    "on_send": NativeFilter.send,
    "on_send_data": NativeFilter.send_data,
    "on_send_end": NativeFilter.send_end,
    "on_send_trailers": NativeFilter.send_trailers,
    "on_log": NativeFilter.log,
}


def filter_class(module: NativeModule) -> type[NativeFilter]:
    """Derive the class for a module.

    The hooks are put in under the engine's names as they are: where the base is compiled, the engine's call then leads straight there.
    """
    library = module.library
    members: dict[str, object] = {hook: _HOOKS[hook] for hook in library.hooks}
    if library.features & abi.HOOK_ONLY and library.hooks == ["on_receive"] and module.filter_create is None:
        members["on_receive"] = NativeFilter.receive_only
        members["plainly_made"] = True
    else:
        members["on_destroy"] = NativeFilter.destroy
    members["phase"] = Phase(library.phase)
    members["request_body"] = BodyNeed(library.request_body)
    members["response_body"] = BodyNeed(library.response_body)
    return type(f"NativeFilter[{module.path.name}]", (NativeFilter,), members)
