"""A checked configuration on its way from the supervisor to a worker.

A worker reads it in a thread beside its event loop, so no single call may hold the interpreter for long: the text is lines, each of
which is parsed and checked by one call that takes about a millisecond. The first line is the configuration less its long lists; each
further line holds some entries of one of them::

    <json>                          the configuration
    clusters <json list>            clusters, less the hosts of large ones
    hosts <cluster> <json list>     hosts of a large cluster
    virtual_hosts <server> <router> <json list>
    routes <server> <router> <virtual host> <json list>

Only what was given is written, so defaults cost nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import TypeAdapter
from pydantic.main import IncEx

from headgate.config.collection import collection_paused
from headgate.config.models import ClusterConfig, ConfigModel, HeadgateConfig, HostConfig, RouteConfig, RouterConfig, VirtualHostConfig

_BATCH: Final = 100
"""Entries on one line; 100 routes take about a millisecond to read."""
_ROUTERS: Final[IncEx] = {"__all__": {"virtual_hosts"}}
_SERVERS: Final[IncEx] = {"__all__": {"routers": _ROUTERS}}
_LONG_LISTS: Final[IncEx] = {"cluster_manager": {"clusters"}, "servers": _SERVERS}

_CLUSTERS: Final = TypeAdapter(list[ClusterConfig])
_HOSTS: Final = TypeAdapter(list[HostConfig])
_VIRTUAL_HOSTS: Final = TypeAdapter(list[VirtualHostConfig])
_ROUTES: Final = TypeAdapter(list[RouteConfig])


def to_wire(config: HeadgateConfig) -> str:
    """The configuration as text for :func:`from_wire`. It holds secrets: only for the workers."""
    return "\n".join(_lines(config))


def from_wire(text: str) -> HeadgateConfig:
    """The configuration that :func:`to_wire` wrote.

    While it runs, the cyclic garbage collector is paused, and what has been read is then kept out of its sight
    (:mod:`headgate.config.collection`); whoever builds more out of it pauses the collector around both.

    :raises ValueError: if the text is not from there
    """
    with collection_paused(freeze=True):
        return _read(text)


def _read(text: str) -> HeadgateConfig:
    lines = iter(text.split("\n"))
    config = HeadgateConfig.model_validate_json(next(lines))
    clusters = config.cluster_manager.clusters
    for line in lines:
        kind, rest = line.split(" ", 1)
        if kind == "clusters":
            clusters.extend(_CLUSTERS.validate_json(rest))
        elif kind == "hosts":
            cluster, entries = rest.split(" ", 1)
            clusters[int(cluster)].hosts.extend(_HOSTS.validate_json(entries))
        elif kind == "virtual_hosts":
            server, router, entries = rest.split(" ", 2)
            config.servers[int(server)].routers[int(router)].virtual_hosts.extend(_VIRTUAL_HOSTS.validate_json(entries))
        else:
            server, router, host, entries = rest.split(" ", 3)
            routes = config.servers[int(server)].routers[int(router)].virtual_hosts[int(host)].routers
            routes.extend(_ROUTES.validate_json(entries))
    return config


def _lines(config: HeadgateConfig) -> Iterator[str]:
    yield json.dumps(config.model_dump(by_alias=True, exclude_unset=True, exclude=_LONG_LISTS))
    clusters = config.cluster_manager.clusters
    large = {i for i, cluster in enumerate(clusters) if len(cluster.hosts) > _BATCH}
    for start, batch in _batches([1 + (0 if i in large else len(cluster.hosts)) for i, cluster in enumerate(clusters)]):
        dumped = [_dump(clusters[i], {"hosts"} if i in large else None) for i in range(start, start + batch)]
        yield f"clusters {json.dumps(dumped)}"
    for i in sorted(large):
        yield from _list_lines(f"hosts {i}", clusters[i].hosts)
    for i, server in enumerate(config.servers):
        for j, router in enumerate(server.routers):
            yield from _router_lines(router, f"{i} {j}")


def _router_lines(router: RouterConfig, position: str) -> Iterator[str]:
    hosts = router.virtual_hosts
    for start, batch in _batches([1] * len(hosts)):
        dumped = [_dump(host, {"routers"}) for host in hosts[start : start + batch]]
        yield f"virtual_hosts {position} {json.dumps(dumped)}"
    for k, host in enumerate(hosts):
        yield from _list_lines(f"routes {position} {k}", host.routers)


def _list_lines(head: str, entries: Sequence[ConfigModel]) -> Iterator[str]:
    for start, batch in _batches([1] * len(entries)):
        yield f"{head} {json.dumps([_dump(entry, None) for entry in entries[start : start + batch]])}"


def _batches(weights: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours whose weights come to about a batch: (first, number)."""
    start = 0
    total = 0
    for i, weight in enumerate(weights):
        if total and total + weight > _BATCH:
            yield start, i - start
            start, total = i, 0
        total += weight
    if start < len(weights):
        yield start, len(weights) - start


def _dump(model: ConfigModel, exclude: set[str] | None) -> dict[str, object]:
    return model.model_dump(by_alias=True, exclude_unset=True, exclude=exclude)
