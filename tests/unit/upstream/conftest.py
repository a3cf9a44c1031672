"""What the tests of the upstream side share: hosts, balancers and clusters from plain values."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from headgate.api import Address, ConnectionInfo, Headers, HostInfo, RequestHead, Stream
from headgate.cli.version import build_kind
from headgate.config.models import ClusterConfig, ClusterManagerConfig
from headgate.observe.stats_store import StatsStore
from headgate.upstream.cluster_manager import ClusterManager
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LoadBalancer

collect_ignore: list[str] = []
if build_kind() == "compiled":
    # They wait for connections with classes of their own, and traits compiled by mypyc take no interpreted subclasses.
    collect_ignore += ["test_connector.py", "test_pool_renewal.py"]

MakeHosts = Callable[..., list[Host]]
MakeManager = Callable[..., ClusterManager]
Choose = Callable[..., Host | None]
MakeBalancer = Callable[..., LoadBalancer]


@pytest.fixture
def stream() -> Stream:
    """Any request."""
    connection = ConnectionInfo(1, Address("192.0.2.1", 1), Address("192.0.2.2", 2), "listener")
    return Stream(1, RequestHead("GET", "/", Headers()), connection)


@pytest.fixture
def make_hosts() -> MakeHosts:
    """``make_hosts(5, 1, 1)``: hosts a, b, c with these weights."""
    store = StatsStore()

    def make(*weights: int) -> list[Host]:
        names = [chr(97 + i) if i < 26 else f"h{i}" for i in range(len(weights))]
        return [Host(HostInfo(name, name, {}), "c", weight, store.host("c", name)) for name, weight in zip(names, weights, strict=True)]

    return make


@pytest.fixture
def make_balancer() -> MakeBalancer:
    """``make_balancer(RoundRobin, hosts, seed=1, choice_count=3)``"""

    def make(kind: Callable[..., LoadBalancer], hosts: list[Host], seed: int = 1, **lbconfig: Any) -> LoadBalancer:
        config = ClusterConfig.model_validate({"name": "c", "lbconfig": lbconfig})
        return kind(hosts, config, random.Random(seed))

    return make


@pytest.fixture
def make_manager() -> MakeManager:
    """``make_manager({cluster}, ..., stats=store, scope=scope)``"""

    def make(*clusters: dict[str, Any], stats: StatsStore | None = None, scope: Any = None) -> ClusterManager:
        config = ClusterManagerConfig.model_validate({"clusters": list(clusters)})
        return ClusterManager.from_config(config, "cluster_manager", stats or StatsStore(), scope)

    return make
