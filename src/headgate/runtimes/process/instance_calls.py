"""The calls on a connection to one process of a plugin: what happens for each of them.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mypy_extensions import mypyc_attr

from headgate.api.plugin import PluginCall, PluginError, PluginReceiver
from headgate.api.plugin_messages import PluginRequest
from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.client_call import CALL_LOST, CALL_STATUS, CALL_TIMEOUT
from headgate.protocols.grpc.client_connection import GrpcClientConnection
from headgate.protocols.grpc.message_reader import PREFIX_SIZE
from headgate.protocols.grpc.plugin_codec import PLUGIN_CALL_PATH, decode_response, encode_request
from headgate.protocols.grpc.status import DEADLINE_EXCEEDED, UNIMPLEMENTED, status_name
from headgate.protocols.grpc.unary_call import UnaryCall
from headgate.protocols.grpc.wire import WireError
from headgate.protocols.http2.field_block import FieldBlock
from headgate.protocols.http2.stream import Http2Stream

BROKER_PATH: Final = b"/plugin.GRPCBroker/StartStream"


def plugin_error(reason: int, status: int, detail: str) -> PluginError:
    """A call's failure as the proxy's filters know it.

    :param reason: one of ``CALL_…``
    :param status: the gRPC status
    """
    if reason == CALL_TIMEOUT:
        return PluginError("timeout", detail)
    if reason == CALL_LOST:
        return PluginError("died", detail)
    if reason == CALL_STATUS:
        # The process may be the first to see that the time is over, which it was told along with the call.
        kind = "timeout" if status == DEADLINE_EXCEEDED else "rpc"
        return PluginError(kind, f"{status_name(status)}: {detail}" if detail else status_name(status))
    return PluginError("protocol", detail)


class _PluginAnswer(UnaryCall):
    """A plugin call's stream; also what the caller holds of the call."""

    def __init__(self, receiver: PluginReceiver) -> None:
        super().__init__()
        self._receiver = receiver

    def on_answer(self, data: bytes) -> None:
        try:
            response = decode_response(data, PREFIX_SIZE)
        except WireError as error:
            self._receiver.on_plugin_failure(PluginError("protocol", f"the answer is not proto.Response: {error}"))
            return
        self._receiver.on_plugin_response(response)

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        self._receiver.on_plugin_failure(plugin_error(reason, status, detail))


class UnimplementedError(PluginError):
    """The plugin does not know the method: not a fault where the method is optional."""

    def __init__(self, message: str) -> None:
        super().__init__("rpc", f"UNIMPLEMENTED: {message}" if message else "UNIMPLEMENTED")


class AwaitedAnswer(UnaryCall):
    """A call for which a coroutine waits."""

    def __init__(self, future: asyncio.Future[bytes]) -> None:
        super().__init__()
        self._future = future

    def on_answer(self, data: bytes) -> None:
        if not self._future.done():
            self._future.set_result(data[PREFIX_SIZE:])

    def on_failure(self, reason: int, status: int, detail: str) -> None:
        if self._future.done():
            return
        if reason == CALL_STATUS and status == UNIMPLEMENTED:
            self._future.set_exception(UnimplementedError(detail))
        else:
            self._future.set_exception(plugin_error(reason, status, detail))


class BrokerStream(Http2Stream):
    """go-plugin's broker: held open, not used. Whatever becomes of it is all right."""

    def on_head(self, block: FieldBlock, end_stream: bool) -> None:
        return

    def on_data(self, data: bytes, end_stream: bool) -> None:
        return

    def on_reset(self, code: int) -> None:
        return

    def on_malformed(self, detail: str) -> None:
        return

    def on_connection_lost(self, by_protocol: bool, detail: str) -> None:
        return


@mypyc_attr(allow_interpreted_subclasses=True)
class InstanceOwner:
    """Who holds the connection."""

    def on_ready(self) -> None:
        """The process speaks HTTP/2."""
        raise NotImplementedError

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended, and its calls have failed."""
        raise NotImplementedError


class InstanceTransport(GrpcClientConnection):
    """The asyncio protocol behind an instance's connection."""

    def __init__(self, owner: InstanceOwner, authority: str, wheel: DeadlineWheel, max_answer: int) -> None:
        super().__init__(authority, wheel, max_answer)
        self._instance = owner

    def call(self, request: PluginRequest, deadline: float, receiver: PluginReceiver) -> PluginCall:
        """Call ``/proto.Plugin/Call``.

        :param deadline: on the clock of ``time.monotonic``, seconds; 0.0: none
        :param receiver: hears of the outcome, possibly before this returns
        """
        answer = _PluginAnswer(receiver)
        self.start_call(answer, PLUGIN_CALL_PATH, encode_request(request), deadline)
        return answer

    def on_ready(self) -> None:
        """The process speaks HTTP/2."""
        self._instance.on_ready()

    def on_end(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended."""
        super().on_end(by_protocol, detail)
        self._instance.on_end(by_protocol, detail)
