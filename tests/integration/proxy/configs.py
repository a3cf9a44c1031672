"""Configurations of more than one listener."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tests.integration.harness import Headgate, HeadgateFactory, simple_config

ROUTE: Mapping[str, object] = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}}


def two_listeners(config: Mapping[str, Any], stream_filters: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """The configuration with a second listener ``plain`` beside ``listener``, on the same router, without its stream filters.

    :param config: what ``simple_config`` made
    :param stream_filters: those of ``listener``
    """
    made = copy.deepcopy(dict(config))
    listeners = made["servers"][0]["listeners"]
    plain = copy.deepcopy(listeners[0])
    plain["name"] = "plain"
    plain["stream_filters"] = []
    listeners[0]["stream_filters"] = list(stream_filters)
    listeners.append(plain)
    return made


def chain_config(hop: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """MOSN's CHAIN: client -> listener ``client`` -> listener ``listener`` (as configured) -> its cluster.

    :param hop: address of ``listener``, to which ``client`` leads
    """
    made = copy.deepcopy(dict(config))
    server = made["servers"][0]
    client = copy.deepcopy(simple_config(listener={"name": "client"})["servers"][0]["listeners"][0])
    client["filter_chains"][0]["filters"][0]["config"]["router_config_name"] = "client"
    server["listeners"].append(client)
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "hop"}}
    server["routers"].append({"router_config_name": "client", "virtual_hosts": [{"name": "c", "domains": ["*"], "routers": [route]}]})
    made["cluster_manager"]["clusters"].append({"name": "hop", "type": "SIMPLE", "lb_type": "LB_ROUNDROBIN", "hosts": [{"address": hop}]})
    return made


def start_chain(headgate: HeadgateFactory, config: Mapping[str, Any]) -> Headgate:
    """Start a CHAIN: listeners ``client`` and ``listener`` of one proxy.

    The kernel chooses both ports; where the second hop is, is known only then, so a reload tells the first.
    """
    proxy = headgate(chain_config("127.0.0.1:9", config))
    host, port = proxy.address("listener")
    outcome = proxy.reload(chain_config(f"{host}:{port}", config))
    assert outcome.ok, outcome.errors
    assert proxy.address("listener") == (host, port)
    return proxy
