"""The sections of a configuration dump."""

import json

from headgate.config.models import (
    ClusterConfig,
    ClusterManagerConfig,
    FilterChainConfig,
    HeadgateConfig,
    ListenerConfig,
    RouterConfig,
    ServerConfig,
    TlsContextConfig,
)
from headgate.config.redaction import REDACTED, redacted
from headgate.control.admin.routes.config_dump import clusters, listeners, mosn_config, routers, whole


def _config() -> HeadgateConfig:
    tls = TlsContextConfig(status=True, private_key="-----BEGIN PRIVATE KEY-----", cert_chain="cert.pem")
    listener = ListenerConfig(name="in", address="127.0.0.1:2046", filter_chains=[FilterChainConfig(tls_context=tls)])
    unnamed = ListenerConfig(address="127.0.0.1:2047")
    server = ServerConfig(default_log_path="stdout", listeners=[listener, unnamed], routers=[RouterConfig(router_config_name="r")])
    return HeadgateConfig(servers=[server], cluster_manager=ClusterManagerConfig(clusters=[ClusterConfig(name="c")]))


def test_listeners_routers_and_clusters_stand_by_name() -> None:
    config = _config()
    assert list(listeners(config)) == ["in", "127.0.0.1:2047"]
    assert list(routers(config)) == ["r"]
    assert list(clusters(config)) == ["c"]


def test_the_rest_holds_nothing_that_has_a_section() -> None:
    dump = mosn_config(_config())
    servers, manager = dump["servers"], dump["cluster_manager"]
    assert isinstance(servers, list)
    assert isinstance(manager, dict)
    assert servers[0]["default_log_path"] == "stdout"
    assert not {"listeners", "routers"} & set(servers[0])
    assert "clusters" not in manager
    assert "extends" not in dump


def test_the_whole_has_mosns_keys_and_is_json_without_private_keys() -> None:
    dump = redacted(whole(_config()))
    assert isinstance(dump, dict)
    assert list(dump) == ["mosn_config", "listener", "cluster", "routers", "extends"]
    text = json.dumps(dump)
    assert "PRIVATE KEY" not in text
    assert dump["listener"]["in"]["filter_chains"][0]["tls_context"]["private_key"] == REDACTED
    assert dump["listener"]["in"]["filter_chains"][0]["tls_context"]["cert_chain"] == "cert.pem"


def test_durations_are_dumped_as_go_writes_them() -> None:
    dump = mosn_config(_config())
    assert '"graceful_timeout": "30s"' in json.dumps(dump)
