"""Calls from extensions to clusters of the configuration: a script's ``httpCall``, a module's ``dispatch_http_call``.

A factory asks for the caller while the configuration is built, with :func:`upstream_caller`, and keeps it. It works from within a stream
and from outside of any; everything about it happens in the worker's loop.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from mypy_extensions import mypyc_attr

from headgate.api.errors import ExtensionError
from headgate.api.grpc_call import GrpcCall, GrpcReceiver, GrpcRequest
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead

MAX_RESPONSE: Final = 1 << 20
"""Bytes of a response's body that are taken in, unless the call says otherwise."""

FAILURES: Final = ("unknown_cluster", "bad_request", "no_host", "overflow", "connect", "reset", "timeout", "too_large")
"""Kinds of failure. ``overflow``: the cluster's circuit breaker. ``reset``: the host broke the exchange or the protocol."""


@mypyc_attr(allow_interpreted_subclasses=True)
class UpstreamReceiver:
    """Who waits for a call: exactly one of its methods is called, unless the call is cancelled."""

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        """The complete answer, whatever its status."""
        raise NotImplementedError

    def on_upstream_failure(self, kind: str, message: str) -> None:
        """There is none.

        :param kind: one of :data:`FAILURES`
        """
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class UpstreamCall:
    """A call under way."""

    def cancel(self) -> None:
        """Nobody waits any more: the receiver hears nothing, what is under way is given up."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class UpstreamCaller:
    """Calls the clusters of one configuration from one worker."""

    def has_cluster(self, cluster: str) -> bool:
        """Whether the configuration has a cluster of that name."""
        raise NotImplementedError

    def start(
        self,
        cluster: str,
        request: RequestHead,
        body: bytes,
        timeout: float,
        receiver: UpstreamReceiver,
        max_response: int = MAX_RESPONSE,
    ) -> UpstreamCall:
        """Send a request to a host of a cluster.

        Fields that concern one connection only, and framing, are taken out of the request's headers (RFC 9110 section 7.6.1).

        :param request: the head; ``headers`` may be changed by the call
        :param timeout: seconds for everything; 0: no limit but the cluster's own
        :param receiver: hears of the outcome, possibly before this returns
        :param max_response: bytes of the response's body
        """
        raise NotImplementedError

    def start_grpc(self, request: GrpcRequest, receiver: GrpcReceiver) -> GrpcCall:
        """Begin a gRPC call to a host of a cluster: HTTP/2 with prior knowledge, in plain text.

        :param receiver: hears of it, possibly before this returns
        """
        raise NotImplementedError


_caller: ContextVar[UpstreamCaller | None] = ContextVar("headgate_upstream_caller", default=None)


@contextmanager
def calls_through(caller: UpstreamCaller) -> Iterator[None]:
    """For the engine: while active, :func:`upstream_caller` gives this one."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def upstream_caller() -> UpstreamCaller:
    """The caller of the configuration that is being built.

    :raises ExtensionError: if none is being built
    """
    caller = _caller.get()
    if caller is None:
        raise ExtensionError("clusters can be called only by what is made while a configuration is built: in a filter's create function")
    return caller
