"""The real engine around one filter, with a client and an upstream host in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from headgate.api.registry import ExtensionScope, collecting
from headgate.api.stream_filter import StreamFilter, StreamFilterFactory, stream_filter
from headgate.observe.filter_stats import FilterStats
from headgate.observe.stats_store import StatsStore
from headgate.testing.exchange import Exchange, Reply
from headgate.testing.in_memory_proxy import InMemoryProxy, Responder

_NAME = "filter_under_test"


class FilterTester:
    """Sends made-up requests through a filter.

    :param target: a :class:`StreamFilter` subclass, a create function, or the name of a registered filter
    :param config: the entry's ``config``
    :param entry: further keys of the entry: ``on_error``, ``timeout``, ``max_body``, ``match``, ``quarantine``
    :param route: the route, in place of one that leads everything to the upstream host (``{"match": ..., "route": ...}``); the cluster is
        named ``upstream``
    :param reply: what the upstream host answers, or a function that makes it from the request
    :param filters: further entries of the listener's ``stream_filters`` behind the one under test
    :raises ConfigRejected: if the entry would be refused at load
    """

    def __init__(
        self,
        target: type[StreamFilter[object]] | Callable[..., StreamFilterFactory] | str,
        config: Mapping[str, object] | None = None,
        *,
        config_type: type | None = None,
        entry: Mapping[str, object] | None = None,
        route: Mapping[str, object] | None = None,
        routes: Sequence[Mapping[str, object]] = (),
        virtual_host: Mapping[str, object] | None = None,
        reply: Reply | Responder | None = None,
        filters: Sequence[Mapping[str, object]] = (),
        scope: ExtensionScope | None = None,
    ) -> None:
        self._scope = scope or ExtensionScope()
        name = target if isinstance(target, str) else _NAME
        if not isinstance(target, str):
            with collecting(self._scope):
                stream_filter(_NAME, config=config_type)(target)
        default: dict[str, object] = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}}
        every = [dict(item) for item in routes] or [dict(route or default)]
        first = {"type": name, "config": dict(config or {}), **(entry or {})}
        self._mapping = _configuration([first, *(dict(item) for item in filters)], every, dict(virtual_host or {}))
        self._reply = reply if callable(reply) else _constant(reply or Reply())
        self._stats = StatsStore()
        self._name = str(first.get("name", name))
        self.proxy().close()  # what is wrong shows here, not at the first request

    @property
    def stats(self) -> FilterStats:
        """The ledger of the filter under test."""
        return self._stats.filter("listener", self._name)

    def stats_of(self, name: str) -> FilterStats:
        """The ledger of another filter of the listener: one of ``filters``, or the canary, ``name@canary``."""
        return self._stats.filter("listener", name)

    def proxy(self) -> InMemoryProxy:
        """A proxy with the filter in it, for several requests under one state: ``connect("listener")`` gives a client."""
        return InMemoryProxy(self._mapping, self._scope, self._reply, self._stats)

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Sequence[bytes] = b"",
        trailers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Exchange:
        """Send one request and wait for its fate; for use outside of a running event loop.

        :param body: one piece (sent with its length) or several (sent chunked, one after the other)
        :param timeout: seconds after which what is there is returned, complete or not
        """
        return asyncio.run(self.send(method, target, headers, body, trailers, timeout))

    async def send(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Sequence[bytes] = b"",
        trailers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Exchange:
        """The same within a running event loop."""
        proxy = self.proxy()
        client = proxy.connect("listener")
        exchange = await client.exchange(method, target, headers, body, trailers, timeout)
        exchange.upstream = proxy.upstream.requests
        client.leave()
        proxy.close()
        await asyncio.sleep(0)
        return exchange


def _constant(reply: Reply) -> Responder:
    return lambda _: reply


def _configuration(filters: list[dict[str, object]], routes: list[dict[str, object]], virtual_host: dict[str, object]) -> dict[str, object]:
    proxy = {"type": "proxy", "config": {"downstream_protocol": "Http1", "router_config_name": "router"}}
    return {
        "servers": [
            {
                "routers": [
                    {
                        "router_config_name": "router",
                        "virtual_hosts": [{"name": "host", "domains": ["*"], "routers": routes, **virtual_host}],
                    }
                ],
                "listeners": [
                    {
                        "name": "listener",
                        "address": "127.0.0.1:1",
                        "bind_port": True,
                        "filter_chains": [{"filters": [proxy]}],
                        "stream_filters": filters,
                    }
                ],
            }
        ],
        "cluster_manager": {
            "clusters": [{"name": "upstream", "type": "STATIC", "lb_type": "LB_ROUNDROBIN", "hosts": [{"address": "127.0.0.1:2"}]}]
        },
    }
