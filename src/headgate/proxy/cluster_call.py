"""Calls from extensions to clusters: one exchange each, over the same pools, breakers and statistics as the forwarded requests.

No retries: whoever calls decides. A reused connection that the host had closed already is replaced by a fresh one, once, if the method is
idempotent (RFC 9110 section 9.2.2). Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

from headgate.api.errors import HeadgateError
from headgate.api.grpc_call import GrpcCall, GrpcReceiver, GrpcRequest
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.stream import Address, ConnectionInfo, Stream
from headgate.api.upstream_call import MAX_RESPONSE, UpstreamCall, UpstreamCaller, UpstreamReceiver
from headgate.net.deadlines import DeadlineWheel, Timed
from headgate.protocols.exchange import CONNECTION_FAILED, OVERFLOW, STALE_CONNECTION, TIMEOUT, ResponseReceiver
from headgate.protocols.grpc.client_call import CALL_LOST
from headgate.protocols.grpc.status import UNAVAILABLE
from headgate.protocols.http1.client_connection import Http1ClientConnection
from headgate.protocols.http1.encoder import check_request_line
from headgate.protocols.http1.fields import FRAMING, connection_options
from headgate.proxy.cluster_grpc_call import ClusterGrpcCall, StartedGrpcCall
from headgate.upstream.cluster import Cluster
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.host import Host
from headgate.upstream.pool import ConnectionPool, PoolWaiter
from headgate.upstream.pools import Pools

_IDEMPOTENT: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
_HOP_BY_HOP: Final = FRAMING | frozenset(("expect", "trailer", "proxy-authenticate", "proxy-authorization"))
_KINDS: Final[dict[int, str]] = {CONNECTION_FAILED: "connect", OVERFLOW: "overflow", TIMEOUT: "timeout"}
_NOBODY: Final = Address("", 0)
_NO_HOSTS: Final[list[Host]] = []


class ClusterCaller(UpstreamCaller):
    """The caller of one configuration in one worker."""

    def __init__(self, clusters: ClusterManager, pools: Pools, wheel: DeadlineWheel) -> None:
        self._clusters = clusters
        self._pools = pools
        self._wheel = wheel

    def has_cluster(self, cluster: str) -> bool:
        """Whether there is such a cluster."""
        return self._clusters.get(cluster) is not None

    def start(
        self,
        cluster: str,
        request: RequestHead,
        body: bytes,
        timeout: float,
        receiver: UpstreamReceiver,
        max_response: int = MAX_RESPONSE,
    ) -> UpstreamCall:
        """Send a request to a host of a cluster."""
        call = _ClusterCall(request, body, receiver, max_response, self._wheel)
        found = self._clusters.get(cluster)
        if found is None:
            call.fail("unknown_cluster", f"there is no cluster {cluster!r}")
            return call
        try:
            _sanitise(request, body)
        except HeadgateError as error:
            call.fail("bad_request", str(error))
            return call
        call.begin(found, self._pools, timeout)
        return call

    def start_grpc(self, request: GrpcRequest, receiver: GrpcReceiver) -> GrpcCall:
        """Begin a gRPC call to a host of a cluster."""
        call = ClusterGrpcCall(request, receiver, self._wheel)
        found = self._clusters.get(request.cluster)
        if found is None:
            call.fail(CALL_LOST, UNAVAILABLE, f"there is no cluster {request.cluster!r}")
        else:
            call.start_at(found, self._pools)
        return StartedGrpcCall(call)


def _sanitise(request: RequestHead, body: bytes) -> None:
    """Leave nothing in a request that concerns a single connection or its framing."""
    check_request_line(request)
    headers = request.headers
    for value in headers.get_all("connection"):
        for option in connection_options(value.encode("utf-8", "surrogateescape")):
            headers.remove(option)
    for key in headers.keys.copy():
        if key in _HOP_BY_HOP:
            headers.remove(key)
    if headers.get("host") is None:  # RFC 9112 section 3.2: it may be empty, but must be there
        raise HeadgateError("a request needs an authority")
    headers.changed = True
    request.content_length = len(body) if body or request.method in ("POST", "PUT", "PATCH") else -1


class _Deadline(Timed):
    def __init__(self, call: _ClusterCall) -> None:
        super().__init__()
        self._call = call

    def on_deadline(self) -> None:
        self._call.timed_out()


class _ClusterCall(UpstreamCall, ResponseReceiver, PoolWaiter):
    """One call."""

    def __init__(self, request: RequestHead, body: bytes, receiver: UpstreamReceiver, max_response: int, wheel: DeadlineWheel) -> None:
        self._request = request
        self._body = body
        self._receiver: UpstreamReceiver | None = receiver
        self._max_response = max_response
        self._wheel = wheel
        self._deadline = _Deadline(self)
        self._cluster: Cluster | None = None
        self._host: Host | None = None
        self._pools: Pools | None = None
        self._pool: ConnectionPool | None = None  # set while waiting there
        self._connection: Http1ClientConnection | None = None
        self._slot_taken: bool = False
        self._started: float = 0.0  # 0.0: not counted at the host
        self._repeated: bool = False
        self._response: ResponseHead | None = None
        self._chunks: list[bytes] = []
        self._size: int = 0

    def begin(self, cluster: Cluster, pools: Pools, timeout: float) -> None:
        """Take a place in the breaker, choose a host, get a connection."""
        self._cluster = cluster
        self._pools = pools
        if not cluster.breaker.try_acquire_request():
            cluster.stats.request_pending_overflow += 1
            self.fail("overflow", "too many requests to the cluster")
            return
        self._slot_taken = True
        # A load balancer chooses for a stream; a call of an extension is one without a client.
        stream = Stream(0, self._request, ConnectionInfo(0, _NOBODY, _NOBODY, ""))
        host = cluster.choose_host(stream, _NO_HOSTS)
        if host is None:
            self.fail("no_host", f"cluster {cluster.name!r} has no usable host")
            return
        self._host = host
        if timeout > 0.0:
            self._wheel.arm(self._deadline, monotonic() + timeout)
        self._attempt(False)

    def cancel(self) -> None:
        """Nobody waits any more."""
        if self._receiver is not None:
            self._receiver = None
            self._drop()

    def timed_out(self) -> None:
        """Its time is over."""
        if self._host is not None:
            self._host.stats.request_timeout += 1
        self.fail("timeout", "no answer in time")

    def fail(self, kind: str, message: str) -> None:
        """End without an answer."""
        receiver = self._receiver
        if receiver is None:
            return
        self._receiver = None
        self._drop()
        receiver.on_upstream_failure(kind, message)

    # --- the exchange

    def _attempt(self, fresh: bool) -> None:
        cluster, host, pools = self._cluster, self._host, self._pools
        assert cluster is not None and host is not None and pools is not None
        host.active_requests += 1
        host.stats.request_total += 1
        host.stats.request_active += 1
        self._started = monotonic()
        pool = pools.pool(cluster, host)
        connection = pool.acquire(self, fresh)
        if connection is not None:
            self.on_pool_ready(connection)
        elif self._receiver is not None and self._connection is None:
            self._pool = pool

    def on_pool_ready(self, connection: Http1ClientConnection) -> None:
        """A connection: send everything."""
        self._pool = None
        self._connection = connection
        connection.start(self)
        if not self._body:
            connection.send_request_head(self._request, b"", True)
            return
        connection.send_request_head(self._request, b"", False)
        connection.send_request_data(self._body)
        if self._connection is connection:
            connection.send_request_end(None)

    def on_pool_failure(self, reason: int, detail: str) -> None:
        """No connection."""
        self._pool = None
        self._release_host(True)
        self.fail(_KINDS.get(reason, "reset"), detail)

    def on_response_head(self, head: ResponseHead, end_stream: bool) -> None:
        """The answer's head."""
        self._response = head
        if head.content_length > self._max_response and not end_stream:
            self.fail("too_large", f"an answer of more than {self._max_response} bytes")
        elif end_stream:
            self._complete(None)

    def on_informational(self, head: ResponseHead) -> None:
        """Interim responses are not for callers."""

    def on_response_data(self, data: bytes) -> None:
        """A part of its body."""
        self._size += len(data)
        if self._size > self._max_response:
            self.fail("too_large", f"an answer of more than {self._max_response} bytes")
        else:
            self._chunks.append(data)

    def on_response_end(self, trailers: Headers | None) -> None:
        """It is complete."""
        self._complete(trailers)

    def on_response_flush(self) -> None:
        """Nothing to do: the answer is handed on as a whole."""

    def on_upstream_full(self) -> None:
        """Nothing to do: the request was handed over as a whole."""

    def on_upstream_drained(self) -> None:
        """Nothing to do."""

    def on_upstream_reset(self, reason: int, detail: str) -> None:
        """The exchange failed."""
        self._connection = None
        host = self._host
        if host is not None:
            if reason == TIMEOUT:
                host.stats.request_timeout += 1
            else:
                host.stats.request_remote_reset += 1
        self._release_host(True)
        if reason == STALE_CONNECTION and not self._repeated and self._request.method in _IDEMPOTENT:
            self._repeated = True
            self._attempt(True)
            return
        self.fail(_KINDS.get(reason, "reset"), detail)

    def _complete(self, trailers: Headers | None) -> None:
        self._connection = None
        response, receiver = self._response, self._receiver
        assert response is not None
        self._release_host(response.status >= 500)
        self._receiver = None
        self._drop()
        if receiver is not None:
            receiver.on_upstream_response(response.status, response.headers, b"".join(self._chunks), trailers)

    # --- the end

    def _drop(self) -> None:
        """Give back whatever is held."""
        self._wheel.remove(self._deadline)
        pool, connection, cluster = self._pool, self._connection, self._cluster
        if pool is not None:
            self._pool = None
            pool.cancel(self)
        if connection is not None:
            self._connection = None
            if self._host is not None:
                self._host.stats.request_local_reset += 1
            connection.cancel()
        self._release_host(True)
        if self._slot_taken and cluster is not None:
            self._slot_taken = False
            cluster.breaker.release_request()

    def _release_host(self, failed: bool) -> None:
        host = self._host
        if host is None or self._started == 0.0:
            return
        stats = host.stats
        host.active_requests -= 1
        stats.request_active -= 1
        stats.request_duration_time.observe((monotonic() - self._started) * 1000.0)
        self._started = 0.0
        if failed:
            stats.response_failed += 1
        else:
            stats.response_success += 1
