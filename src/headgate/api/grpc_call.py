"""gRPC calls from extensions to clusters of the configuration: a module's ``grpc_call`` and ``grpc_stream``.

They begin with :meth:`~headgate.api.upstream_call.UpstreamCaller.start_grpc`; everything about them happens in the worker's loop.
Messages are bytes: what they mean is between caller and server.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

Metadata = list[tuple[bytes, bytes]]
"""Names in lower case and values, in their order; those of ``-bin`` names in base64, as they are on the wire."""

MAX_MESSAGE: Final = 4 * 1024 * 1024
"""Bytes of one message that is received, unless the call says otherwise (gRPC's own default)."""


class GrpcRequest:
    """What a call is begun with.

    :ivar cluster: the cluster's name
    :ivar path: ``b"/package.Service/Method"``
    :ivar metadata: initial metadata, without pseudo-header fields and gRPC's own
    :ivar timeout: seconds for everything; 0: no limit
    :ivar authority: ``:authority``; empty: the cluster's name, as in Envoy
    :ivar max_message: bytes of one message that is received
    """

    def __init__(
        self,
        cluster: str,
        path: bytes,
        metadata: Metadata,
        timeout: float = 0.0,
        authority: str = "",
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self.cluster: str = cluster
        self.path: bytes = path
        self.metadata: Metadata = metadata
        self.timeout: float = timeout
        self.authority: str = authority
        self.max_message: int = max_message


@mypyc_attr(allow_interpreted_subclasses=True)
class GrpcReceiver:
    """Who waits for a call. :meth:`on_grpc_close` is called once, as the last, unless the call is cancelled."""

    def on_grpc_initial_metadata(self, metadata: Metadata) -> None:
        """The answer begins; ``:status`` is among the fields. Empty where the answer is nothing but a status."""
        raise NotImplementedError

    def on_grpc_message(self, message: bytes) -> None:
        """A message."""
        raise NotImplementedError

    def on_grpc_trailing_metadata(self, metadata: Metadata) -> None:
        """The answer ends; status and message are among the fields. Empty where the call failed without the server's doing."""
        raise NotImplementedError

    def on_grpc_close(self, status: int, message: str) -> None:
        """The call has come to its end.

        :param status: the gRPC status; where the server has sent none, the one that stands for what happened
        """
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class GrpcCall:
    """A call under way."""

    def send(self, message: bytes | None, end: bool) -> bool:
        """Send a message.

        :param message: None: only the end
        :param end: nothing follows
        :returns: False, and nothing is sent, if the call has ended, its end was sent, or too much waits to be sent
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Nobody waits any more: the receiver hears nothing, the call is reset."""
        raise NotImplementedError
