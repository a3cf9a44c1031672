"""What the router's tests share: streams without an engine, and tables from plain mappings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.api import Address, ConfigRejected, ConnectionInfo, Headers, RequestHead, ResponseHead, Stream
from headgate.config.models import RouterConfig
from headgate.router import Route, RouterTable

MakeStream = Callable[..., Stream]
MakeTable = Callable[..., RouterTable]
MakeRoute = Callable[..., Route]
Rejected = Callable[..., list[str]]


def _stream(target: str = "/", host: str | None = "example.com", method: str = "GET", scheme: str = "http", **headers: str) -> Stream:
    fields = {} if host is None else {"Host": host}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    connection = ConnectionInfo(1, Address("192.0.2.1", 4711), Address("192.0.2.2", 8080), "listener")
    stream = Stream(1, RequestHead(method, target, Headers.of(fields), scheme), connection)
    stream.response = ResponseHead(200, Headers())
    return stream


def _table(*virtual_hosts: dict[str, Any], **router: Any) -> RouterTable:
    config = {"router_config_name": "r", "virtual_hosts": list(virtual_hosts), **router}
    return RouterTable(RouterConfig.model_validate(config), "servers[0].routers[0]")


def _route(match: dict[str, Any] | None = None, virtual_host: dict[str, Any] | None = None, **keys: Any) -> Route:
    action = {"route": {"cluster_name": "c"}} if not keys.keys() & {"route", "redirect", "direct_response"} else {}
    route = {"match": {"prefix": "/"} if match is None else match, **action, **keys}
    return _table({"domains": ["*"], "routers": [route], **(virtual_host or {})}).routes()[0]


@pytest.fixture
def make_stream() -> MakeStream:
    """``make_stream(target, host, method, scheme, X_Header=value)``; ``host=None``: without one."""
    return _stream


@pytest.fixture
def make_table() -> MakeTable:
    """``make_table({virtual host}, ..., key=value of the router)``"""
    return _table


@pytest.fixture
def make_route() -> MakeRoute:
    """``make_route({match}, {keys of the virtual host}, key=value of the route)``; forwards to cluster ``c`` if nothing else is said."""
    return _route


@pytest.fixture
def rejected() -> Rejected:
    """The lines of the errors with which a builder refuses."""

    def lines(build: Callable[..., object], *args: Any, **kwargs: Any) -> list[str]:
        with pytest.raises(ConfigRejected) as caught:
            build(*args, **kwargs)
        return str(caught.value).splitlines()

    return lines
