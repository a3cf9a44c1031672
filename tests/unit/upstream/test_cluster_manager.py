from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from headgate.api import ConfigRejected, Stream
from headgate.api.registry import ExtensionScope, collecting
from headgate.config.models import ClusterConfig, HostConfig
from headgate.observe.stats_store import StatsStore
from headgate.upstream.balancers.round_robin import RoundRobin
from headgate.upstream.cluster import Cluster
from headgate.upstream.host import Host
from headgate.upstream.host_source import CLUSTER_TYPES, HostSource
from headgate.upstream.load_balancer import LOAD_BALANCERS, LoadBalancer, load_balancer

if TYPE_CHECKING:
    from tests.unit.upstream.conftest import MakeHosts, MakeManager


def cluster(name: str = "c", *addresses: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "hosts": [{"address": address} for address in addresses], **keys}


def rejected(make_manager: MakeManager, *clusters: dict[str, Any], scope: ExtensionScope | None = None) -> list[str]:
    with pytest.raises(ConfigRejected) as caught:
        make_manager(*clusters, scope=scope)
    return str(caught.value).splitlines()


def cluster_of(make_manager: MakeManager, config: dict[str, Any], **keys: Any) -> Cluster:
    found = make_manager(config, **keys).get(config["name"])
    assert found is not None
    return found


def test_hosts(make_manager: MakeManager) -> None:
    stats = StatsStore()
    config = {
        "name": "c",
        "hosts": [
            {"address": "127.0.0.1:80", "weight": 5, "hostname": "one", "metadata": {"zone": "x"}, "tls_disable": True},
            {"address": "[::1]:8080"},
            {"address": "unix:/run/app.sock"},
        ],
    }
    hosts = cluster_of(make_manager, config, stats=stats).hosts
    assert [(host.ip, host.port, host.unix_path) for host in hosts] == [("127.0.0.1", 80, ""), ("::1", 8080, ""), ("", 0, "/run/app.sock")]
    first, second, _ = hosts
    assert (first.address, first.weight, first.tls_disable, first.cluster_name) == ("127.0.0.1:80", 5, True, "c")
    assert (first.info.address, first.info.hostname, first.info.metadata) == ("127.0.0.1:80", "one", {"zone": "x"})
    assert (second.weight, second.info.hostname, second.healthy, second.active_requests) == (1, "[::1]:8080", True, 0)
    assert first.stats is stats.host("c", "127.0.0.1:80")
    assert "127.0.0.1:80" in repr(first)


def test_statistics_outlive_a_configuration(make_manager: MakeManager) -> None:
    stats = StatsStore()
    old = cluster_of(make_manager, cluster("c", "127.0.0.1:80"), stats=stats)
    new = cluster_of(make_manager, cluster("c", "127.0.0.1:80"), stats=stats)
    assert new.hosts[0] is not old.hosts[0] and new.hosts[0] != old.hosts[0]
    assert new.hosts[0].stats is old.hosts[0].stats and new.stats is old.stats


def test_get(make_manager: MakeManager) -> None:
    manager = make_manager(cluster("a"), cluster("b"))
    assert [found.name for name in "ab" if (found := manager.get(name))] == ["a", "b"]
    assert manager.get("A") is None
    assert list(manager.clusters) == ["a", "b"]


@pytest.mark.parametrize("lb_type", ["LB_RANDOM", "LB_ROUNDROBIN", "LB_WEIGHTED_ROUNDROBIN", "LB_LEAST_REQUEST"])
@pytest.mark.parametrize("cluster_type", ["SIMPLE", "STATIC"])
def test_choosing(lb_type: str, cluster_type: str, make_manager: MakeManager, stream: Stream) -> None:
    found = cluster_of(make_manager, cluster("c", "127.0.0.1:1", "127.0.0.1:2", lb_type=lb_type, type=cluster_type))
    assert {found.choose_host(stream, []) for _ in range(100)} == set(found.hosts)
    assert found.choose_host(stream, [found.hosts[0]]) is found.hosts[1]
    assert found.stats.lb_no_host == 0


def test_no_usable_host_is_counted(make_manager: MakeManager, stream: Stream) -> None:
    found = cluster_of(make_manager, cluster("c"))
    assert found.choose_host(stream, []) is None
    assert found.stats.lb_no_host == 1


def test_limits(make_manager: MakeManager) -> None:
    limits = {"max_connections": 1, "max_pending_requests": 2, "max_requests": 3, "max_retries": 4}
    breaker = cluster_of(make_manager, cluster("c", circuit_breakers=[limits])).breaker
    assert (breaker.max_connections, breaker.max_pending, breaker.max_requests, breaker.max_retries) == (1, 2, 3, 4)


def test_replacing_the_hosts(make_manager: MakeManager, make_hosts: MakeHosts, stream: Stream) -> None:
    found = cluster_of(make_manager, cluster("c", "127.0.0.1:1"))
    (fresh,) = make_hosts(1)
    found.set_hosts([fresh])
    assert found.hosts == [fresh]
    assert found.choose_host(stream, []) is fresh


def test_every_error_with_its_path(make_manager: MakeManager) -> None:
    lines = rejected(
        make_manager,
        cluster("a", "localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000"),
        {"name": "b", "hosts": [{"address": "127.0.0.1:80", "weight": 0}, {"address": "127.0.0.1:81", "weight": 129}]},
        cluster("c", lb_type="LB_ROUNDROBBIN"),
        cluster("d", lb_type="LB_MAGLEV"),
        cluster("e", type="SIMPEL"),
        cluster("f", type="STRICT_DNS"),
        cluster("g"),
        cluster("g"),
    )
    path = "cluster_manager.clusters"
    starts = [
        f"{path}[0].hosts[0].address: ",
        f"{path}[0].hosts[1].address: ",
        f"{path}[0].hosts[2].address: ",
        f"{path}[0].hosts[3].address: ",
        f"{path}[1].hosts[0].weight: 0 is out of range (1 to 128)",
        f"{path}[1].hosts[1].weight: 129 is out of range (1 to 128)",
        f"{path}[2].lb_type: unknown load balancer 'LB_ROUNDROBBIN' (did you mean 'LB_ROUNDROBIN'?)",
        f"not supported yet: {path}[3].lb_type",
        f"{path}[4].type: unknown cluster type 'SIMPEL' (did you mean 'SIMPLE'?)",
        f"not supported yet: {path}[5].type",
        f"{path}[7].name: cluster 'g' stands twice",
    ]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start)


# --- extensions


def test_a_load_balancer_of_an_extension(make_manager: MakeManager, stream: Stream) -> None:
    scope = ExtensionScope()
    with collecting(scope):

        @load_balancer("first")
        class First(LoadBalancer):
            def choose(self, stream: Stream, tried: list[Host]) -> Host | None:
                return self.hosts[0]

    found = cluster_of(make_manager, cluster("c", "127.0.0.1:1", "127.0.0.1:2", lb_type="first"), scope=scope)
    assert {found.choose_host(stream, []) for _ in range(20)} == {found.hosts[0]}
    assert "first" in LOAD_BALANCERS.names(scope)
    assert "unknown load balancer 'first'" in rejected(make_manager, cluster("c", lb_type="first"))[0]


def test_a_load_balancer_that_raises_costs_one_request(make_manager: MakeManager, stream: Stream, caplog: pytest.LogCaptureFixture) -> None:
    scope = ExtensionScope()
    with collecting(scope):

        @load_balancer("broken")
        class Broken(LoadBalancer):
            def choose(self, stream: Stream, tried: list[Host]) -> Host | None:
                raise RuntimeError("no idea")

    found = cluster_of(make_manager, cluster("c", "127.0.0.1:1", lb_type="broken"), scope=scope)
    assert found.choose_host(stream, []) is None
    assert found.stats.lb_no_host == 1
    assert "cluster c: load balancer broken failed" in caplog.text and "no idea" in caplog.text


def test_a_load_balancer_that_cannot_be_made(make_manager: MakeManager, make_hosts: MakeHosts) -> None:
    scope = ExtensionScope()

    def create(hosts: list[Host], config: ClusterConfig) -> LoadBalancer:
        if len(hosts) != 1:
            raise ValueError("one host, please")
        return RoundRobin(hosts, config)

    with collecting(scope):
        LOAD_BALANCERS.register("single", create, origin=__name__)
    (line,) = rejected(make_manager, cluster("c", "127.0.0.1:1", "127.0.0.1:2", lb_type="single"), scope=scope)
    assert line == "cluster_manager.clusters[0].lb_type: load balancer 'single' cannot be made: ValueError('one host, please')"
    found = cluster_of(make_manager, cluster("c", "127.0.0.1:1", lb_type="single"), scope=scope)
    before = found.hosts
    with pytest.raises(ValueError, match="one host, please"):
        found.set_hosts(make_hosts(1, 1))
    assert found.hosts is before


def test_a_cluster_type_of_an_extension(make_manager: MakeManager) -> None:
    scope = ExtensionScope()

    class Twins(HostSource):
        def hosts(self) -> Sequence[HostConfig]:
            if self.config.sub_type == "fail":
                raise OSError("no registry")
            return [HostConfig(address="127.0.0.1:1"), HostConfig(address="127.0.0.1:2")]

    with collecting(scope):
        CLUSTER_TYPES.register("TWINS", Twins, origin=__name__)
    found = cluster_of(make_manager, cluster("c", type="TWINS"), scope=scope)
    assert [host.port for host in found.hosts] == [1, 2]
    (line,) = rejected(make_manager, cluster("c", type="TWINS", sub_type="fail"), scope=scope)
    assert line == "cluster_manager.clusters[0].type: cluster type 'TWINS' cannot be made: OSError('no registry')"
