"""gRPC calls from extensions to clusters: over one connection for each host, with the cluster's balancer, breaker and statistics.

No retries: whoever calls decides.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

from headgate.api.grpc_call import GrpcCall, GrpcReceiver, GrpcRequest
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.api.stream import Address, ConnectionInfo, Stream
from headgate.net.deadlines import DeadlineWheel
from headgate.protocols.grpc.client_call import CALL_LOST
from headgate.protocols.grpc.status import UNAVAILABLE
from headgate.protocols.grpc.stream_call import StreamCall
from headgate.upstream.cluster import Cluster
from headgate.upstream.grpc_pool import GrpcPool
from headgate.upstream.host import Host
from headgate.upstream.pools import Pools

_NOBODY: Final = Address("", 0)
_NO_HOSTS: Final[list[Host]] = []


class StartedGrpcCall(GrpcCall):
    """What the caller holds of a call."""

    def __init__(self, call: ClusterGrpcCall) -> None:
        self.call: ClusterGrpcCall = call

    def send(self, message: bytes | None, end: bool) -> bool:
        """Send a message."""
        return self.call.send(message, end)

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.call.cancel()


class ClusterGrpcCall(StreamCall):
    """One call."""

    def __init__(self, request: GrpcRequest, receiver: GrpcReceiver, wheel: DeadlineWheel) -> None:
        super().__init__(request, receiver)
        self._wheel = wheel
        self._cluster: Cluster | None = None  # while a place in its breaker is taken
        self._host: Host | None = None
        self._pool: GrpcPool | None = None
        self._begun: float = 0.0

    def start_at(self, cluster: Cluster, pools: Pools) -> None:
        """Take a place in the breaker, choose a host, begin."""
        if not cluster.breaker.try_acquire_request():
            cluster.stats.request_pending_overflow += 1
            self.fail(CALL_LOST, UNAVAILABLE, "too many requests to the cluster")
            return
        self._cluster = cluster
        # A load balancer chooses for a stream; a call of an extension is one without a client.
        host = cluster.choose_host(Stream(0, _head(self._request), ConnectionInfo(0, _NOBODY, _NOBODY, "")), _NO_HOSTS)
        if host is None:
            self.fail(CALL_LOST, UNAVAILABLE, f"cluster {cluster.name!r} has no usable host")
            return
        if host.tls is not None:
            self.fail(CALL_LOST, UNAVAILABLE, f"cluster {cluster.name!r} has TLS: gRPC calls are made in plain text only")
            return
        self._host = host
        host.active_requests += 1
        host.stats.request_total += 1
        host.stats.request_active += 1
        self._begun = monotonic()
        deadline = self._begun + self._request.timeout if self._request.timeout > 0.0 else 0.0
        self._wheel.arm(self, deadline)
        self._pool = pools.grpc_pool(cluster, host)
        self._pool.start(self, deadline)

    def cancel(self) -> None:
        """Nobody waits any more."""
        if not self.done and self._host is not None:
            self._host.stats.request_local_reset += 1
        super().cancel()

    def on_deadline(self) -> None:
        """Its time is over."""
        if not self.done and self._host is not None:
            self._host.stats.request_timeout += 1
        super().on_deadline()

    def on_connection_lost(self, by_protocol: bool, detail: str) -> None:
        """The connection has ended."""
        if not self.done and self._host is not None:
            self._host.stats.request_remote_reset += 1
        super().on_connection_lost(by_protocol, detail)

    def finish(self, reset: bool) -> None:
        """It has come to its end: give back whatever is held."""
        super().finish(reset)
        self._wheel.remove(self)
        pool, host, cluster = self._pool, self._host, self._cluster
        self._pool = None
        self._host = None
        self._cluster = None
        if pool is not None:
            pool.forget(self)
        if host is not None:
            host.active_requests -= 1
            stats = host.stats
            stats.request_active -= 1
            stats.request_duration_time.observe((monotonic() - self._begun) * 1000.0)
            if reset:
                stats.response_failed += 1
            else:
                stats.response_success += 1
        if cluster is not None:
            cluster.breaker.release_request()


def _head(request: GrpcRequest) -> RequestHead:
    """What a load balancer may look at."""
    headers = Headers()
    for name, value in request.metadata:
        headers.add(name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape"))
    head = RequestHead("POST", request.path.decode("ascii", "replace"), headers)
    head.authority = request.authority or request.cluster
    return head
