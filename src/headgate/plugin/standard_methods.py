"""The methods that a proxy expects of a plugin beside the plugin's own: health, and what hashicorp/go-plugin's clients call."""

from __future__ import annotations

from collections.abc import Callable

from headgate.protocols.grpc.message_reader import PREFIX_SIZE
from headgate.protocols.grpc.server_connection import GrpcMethod, ServerCall
from headgate.protocols.grpc.status import INVALID_ARGUMENT, NOT_FOUND, OK
from headgate.protocols.grpc.wire import WireError, WireReader

HEALTH_CHECK_PATH = b"/grpc.health.v1.Health/Check"
HEALTH_WATCH_PATH = b"/grpc.health.v1.Health/Watch"
SHUTDOWN_PATH = b"/plugin.GRPCController/Shutdown"
BROKER_PATH = b"/plugin.GRPCBroker/StartStream"
STDIO_PATH = b"/plugin.GRPCStdio/StreamStdio"

_SERVICES = ("", "plugin", "proto.Plugin")
_SERVING = b"\x08\x01"
_SERVICE_UNKNOWN = b"\x08\x03"


class HeldStreams:
    """Calls that are kept open until the plugin ends."""

    def __init__(self) -> None:
        self._calls: set[ServerCall] = set()

    def hold(self, call: ServerCall) -> None:
        """Keep a call open."""
        self._calls.add(call)

    def release(self, call: ServerCall) -> None:
        """The client has ended it."""
        self._calls.discard(call)

    def end(self) -> None:
        """End them all, as complete."""
        calls = list(self._calls)
        self._calls.clear()
        for call in calls:
            call.fail(OK, "")


class HealthCheck(GrpcMethod):
    """``grpc.health.v1.Health/Check``: a plugin that answers is serving."""

    def on_call(self, call: ServerCall, data: bytes) -> None:
        service = _service_of(call, data)
        if service in _SERVICES:
            call.reply(_SERVING)
        elif service is not None:
            call.fail(NOT_FOUND, "unknown service")


class HealthWatch(GrpcMethod):
    """``grpc.health.v1.Health/Watch``: the state once, as it never changes, and then the stream is held open."""

    def __init__(self, held: HeldStreams) -> None:
        super().__init__()
        self._held = held

    def on_call(self, call: ServerCall, data: bytes) -> None:
        service = _service_of(call, data)
        if service is not None:
            call.send(_SERVING if service in _SERVICES else _SERVICE_UNKNOWN)
            self._held.hold(call)

    def on_cancel(self, call: ServerCall) -> None:
        self._held.release(call)


class Shutdown(GrpcMethod):
    """``plugin.GRPCController/Shutdown``: answered at once; the plugin then finishes its calls and ends."""

    def __init__(self, shut_down: Callable[[], None]) -> None:
        super().__init__()
        self._shut_down = shut_down

    def on_call(self, call: ServerCall, data: bytes) -> None:
        call.reply(b"")
        self._shut_down()


class HeldMethod(GrpcMethod):
    """Accepted, as go-plugin's clients open it, and held: ``plugin.GRPCBroker/StartStream``, over which no connection is brokered, and
    ``plugin.GRPCStdio/StreamStdio``, on which nothing comes, as a plugin's output stays where it is: the client reads it there, too."""

    def __init__(self, held: HeldStreams) -> None:
        super().__init__(wants_message=False)
        self._held = held

    def on_call(self, call: ServerCall, data: bytes) -> None:
        call.send_head()
        self._held.hold(call)

    def on_cancel(self, call: ServerCall) -> None:
        self._held.release(call)


def _service_of(call: ServerCall, data: bytes) -> str | None:
    """``HealthCheckRequest.service``; None if the message is malformed, and the call is answered."""
    reader = WireReader(data, PREFIX_SIZE, len(data))
    service = ""
    try:
        while reader.position < reader.end:
            tag = reader.tag()
            if tag == 0x0A:
                service = reader.text()
            else:
                reader.skip(tag)
    except WireError as error:
        call.fail(INVALID_ARGUMENT, str(error))
        return None
    return service
