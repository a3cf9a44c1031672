"""The stream filters of an entry: one that sees heads, passing bodies and trailers, and where bodies are wanted as a whole one for each,
behind the head's, so that a head is seen (and may be answered) before a body is waited for. They share one :class:`WasmStream`.

The hooks do nothing but lead there; which of them a class has is made out once for each module, as a hook that nobody needs costs more than
some guests.
"""

from __future__ import annotations

from collections.abc import Callable

from headgate.api.deferred import DeferredChunk
from headgate.api.headers import Headers
from headgate.api.status import BodyNeed, Phase
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, Verdict
from headgate.runtimes.wasm.config import Limits
from headgate.runtimes.wasm.stream import RoutePlugin, WasmStream


class WasmFilter(StreamFilter[RoutePlugin]):
    """Every stream begins and ends here."""

    def __init__(self, config: RoutePlugin) -> None:
        self.config = config
        self.shared = WasmStream()

    def on_receive(self, stream: Stream) -> Verdict:
        return self.shared.request_head(stream, self.config)

    def on_destroy(self) -> None:
        self.shared.destroy()


class WholeBody(StreamFilter[RoutePlugin]):
    """A filter that sees bodies as a whole."""

    def __init__(self, config: RoutePlugin, shared: WasmStream) -> None:
        self.config = config
        self.shared = shared


class WholeRequest(WholeBody):
    """A request's body and its trailers."""

    request_body = BodyNeed.BUFFER

    def on_receive(self, stream: Stream) -> Verdict:
        return self.shared.whole_request(stream, self.config)


class WholeRequestAfterRoute(WholeRequest):
    """The same with ``phase: after_route``."""

    phase = Phase.AFTER_ROUTE


class WholeResponse(WholeBody):
    """A response's body and its trailers."""

    response_body = BodyNeed.BUFFER

    def on_send(self, stream: Stream) -> Verdict:
        return self.shared.whole_response(stream, self.config)


def _on_receive_data(self: WasmFilter, stream: Stream, data: bytes) -> bytes | None:
    return self.shared.request_data(stream, self.config, data)


def _on_receive_end(self: WasmFilter, stream: Stream) -> bytes | DeferredChunk | None:
    return self.shared.request_end(stream, self.config)


def _on_receive_trailers(self: WasmFilter, stream: Stream, trailers: Headers) -> None:
    self.shared.trailers(trailers, self.config, False)


def _on_send(self: WasmFilter, stream: Stream) -> Verdict:
    return self.shared.response_head(stream, self.config)


def _on_send_data(self: WasmFilter, stream: Stream, data: bytes) -> bytes | None:
    return self.shared.response_data(stream, self.config, data)


def _on_send_end(self: WasmFilter, stream: Stream) -> bytes | DeferredChunk | None:
    return self.shared.response_end(stream, self.config)


def _on_send_trailers(self: WasmFilter, stream: Stream, trailers: Headers) -> None:
    self.shared.trailers(trailers, self.config, True)


def _on_log(self: WasmFilter, stream: Stream) -> None:
    self.shared.log()


def filter_classes(config: Limits, exports: frozenset[str]) -> tuple[type[WasmFilter], list[type[WholeBody]]]:
    """The filters for what a module exports: the one that every stream has, and those behind it."""
    late = config.phase == "after_route"
    members: dict[str, object] = {"phase": Phase.AFTER_ROUTE if late else Phase.BEFORE_ROUTE}
    behind: list[type[WholeBody]] = []
    if not exports.isdisjoint({"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"}):
        members["on_send"] = _on_send
    if not exports.isdisjoint({"proxy_on_done", "proxy_on_log"}):
        members["on_log"] = _on_log
    ways: list[tuple[str, str, str, type[WholeBody], dict[str, Callable[..., object]]]] = [
        (
            "request",
            config.request_body,
            "on_receive_trailers",
            WholeRequestAfterRoute if late else WholeRequest,
            {"on_receive_data": _on_receive_data, "on_receive_end": _on_receive_end, "on_receive_trailers": _on_receive_trailers},
        ),
        (
            "response",
            config.response_body,
            "on_send_trailers",
            WholeResponse,
            {"on_send_data": _on_send_data, "on_send_end": _on_send_end, "on_send_trailers": _on_send_trailers},
        ),
    ]
    for way, mode, trailers, whole, hooks in ways:
        if f"proxy_on_{way}_body" not in exports or mode == "none":
            if f"proxy_on_{way}_trailers" in exports:
                members[trailers] = hooks[trailers]
        elif mode == "buffer":
            behind.append(whole)
        else:
            members[f"{way}_body"] = BodyNeed.CHUNKS
            members.update({name: hook for name, hook in hooks.items() if name != trailers})
    return type("WasmFilter", (WasmFilter,), members), behind
