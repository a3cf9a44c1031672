"""What stops a load: fail closed, with the path in the file and the nearest right name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from headgate.api import ConfigError, ConfigRejected, StreamFilter, StreamFilterFactory
from headgate.api.registry import collecting
from headgate.api.stream_filter import ClassFactory, stream_filter
from headgate.testing import InMemoryProxy

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

ENTRY = "servers[0].listeners[0].stream_filters"


class Options(BaseModel):
    """Options of the tested filter."""

    limit: int = 1
    user: str = ""


class Limiter(StreamFilter[Options]):
    """The tested filter."""


def errors(bench: Bench, filters: Sequence[Mapping[str, object]], routes: Sequence[Mapping[str, object]] | None = None) -> list[str]:
    """The findings; empty if the configuration is accepted."""

    async def scenario(_: InMemoryProxy) -> None:
        pass

    try:
        if routes is None:
            bench.run(scenario, stream_filters=filters)
        else:
            bench.run(scenario, stream_filters=filters, routes=routes)
    except ConfigRejected as rejected:
        return [error.render() for error in rejected.errors]
    return []


def register(bench: Bench, name: str, target: Callable[..., object], config: type | None = None) -> None:
    """Register in the bench's scope."""
    with collecting(bench.scope):
        stream_filter(name, config=config)(target)


def test_unknown_filter_with_the_nearest_name(bench: Bench) -> None:
    register(bench, "rate_limiter", Limiter)
    assert errors(bench, [{"type": "rate_limter"}]) == [
        f"{ENTRY}[0].type: unknown stream filter 'rate_limter' (did you mean 'rate_limiter'?)"
    ]


def test_unknown_filter_with_no_name_near_lists_what_is_known(bench: Bench) -> None:
    register(bench, "rate_limiter", Limiter)
    (line,) = errors(bench, [{"type": "xyz"}])
    assert line.startswith(f"{ENTRY}[0].type: unknown stream filter 'xyz' (known: ")
    assert "rate_limiter" in line


def test_every_bad_option_with_its_path(bench: Bench) -> None:
    register(bench, "limiter", Limiter, Options)
    lines = errors(bench, [{"type": "limiter"}, {"type": "limiter", "config": {"limit": "many", "user": 3}}])
    assert [line.split(": ")[0] for line in lines] == [f"{ENTRY}[1].config.limit", f"{ENTRY}[1].config.user"]


def test_options_of_other_kinds(bench: Bench) -> None:
    @dataclass
    class Plain:
        limit: int

    register(bench, "plain", Limiter, Plain)
    register(bench, "texts", Limiter, dict[str, str])
    lines = errors(bench, [{"type": "plain"}, {"type": "texts", "config": {"User": 3}}])
    assert [line.split(": ")[0] for line in lines] == [f"{ENTRY}[0].config.limit", f"{ENTRY}[1].config.User"]


def test_create_function_that_raises(bench: Bench) -> None:
    def create(config: object) -> StreamFilterFactory:
        raise RuntimeError("no licence")

    register(bench, "broken", create)
    (line,) = errors(bench, [{"type": "broken"}])
    assert line.startswith(f"{ENTRY}[0].config: stream filter 'broken' cannot be created: RuntimeError: no licence")


def test_create_function_that_says_where(bench: Bench) -> None:
    def create(config: object) -> StreamFilterFactory:
        raise ConfigError("somewhere", "is wrong", "do this")

    register(bench, "precise", create)
    assert errors(bench, [{"type": "precise"}]) == ["somewhere: is wrong (do this)"]


@pytest.mark.parametrize("nonsense", [None, Limiter, "text"])
def test_create_function_that_returns_nonsense(bench: Bench, nonsense: object) -> None:
    register(bench, "nonsense", lambda config: nonsense)
    (line,) = errors(bench, [{"type": "nonsense"}])
    assert line.startswith(f"{ENTRY}[0]: the create function of stream filter 'nonsense' returned ")


@pytest.mark.parametrize("attribute", ["phase", "request_body", "response_body"])
def test_class_with_a_wrong_attribute(bench: Bench, attribute: str) -> None:
    wrong = type("Wrong", (StreamFilter,), {attribute: 9})
    register(bench, "wrong", wrong)
    (line,) = errors(bench, [{"type": "wrong"}])
    assert line.startswith(f"{ENTRY}[0].type: stream filter 'wrong': 9 is not a valid ")


def test_every_finding_at_once_and_what_was_made_is_closed(bench: Bench) -> None:
    closed: list[str] = []

    class Factory(ClassFactory):
        def close(self) -> None:
            closed.append("closed")

    register(bench, "good", lambda config: Factory(Limiter, config))
    register(bench, "limiter", Limiter, Options)
    bad = {"type": "limiter", "config": {"limit": "x"}}
    lines = errors(bench, [{"type": "good"}, {"type": "goood"}, {"type": "good"}, bad])
    assert [line.split(": ")[0] for line in lines] == [f"{ENTRY}[1].type", f"{ENTRY}[3].config.limit"]
    assert closed == ["closed", "closed"]


def routes_with(config: Mapping[str, object]) -> list[Mapping[str, object]]:
    """A route with this configuration of filters."""
    return [{"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}, "per_filter_config": config}]


def test_per_filter_config_of_an_unknown_filter(bench: Bench) -> None:
    register(bench, "limiter", Limiter, Options)
    (line,) = errors(bench, [{"type": "limiter"}], routes=routes_with({"limter": {}}))
    assert line.startswith("servers[0].routers[0].virtual_hosts[0].routers[0].per_filter_config.limter: ")
    assert line.endswith("(did you mean 'limiter'?)")


def test_per_filter_config_of_a_filter_that_the_listener_has_not(bench: Bench) -> None:
    register(bench, "limiter", Limiter, Options)
    (line,) = errors(bench, [], routes=routes_with({"limiter": {"limit": 2}}))
    assert line.startswith("servers[0].routers[0].virtual_hosts[0].routers[0].per_filter_config.limiter: ")


def test_per_filter_config_with_a_bad_option(bench: Bench) -> None:
    register(bench, "limiter", Limiter, Options)
    lines = errors(bench, [{"type": "limiter"}], routes=routes_with({"limiter": {"limit": "x"}}))
    assert [line.split(": ")[0] for line in lines] == ["servers[0].routers[0].virtual_hosts[0].routers[0].per_filter_config.limiter.limit"]


def test_entries_of_one_type_get_numbers(bench: Bench) -> None:
    class Denies(StreamFilter[object]):
        def on_receive(self, stream: object) -> None:
            calls.append(self)

    calls: list[object] = []
    register(bench, "twice", Denies)

    async def scenario(proxy: InMemoryProxy) -> None:
        assert (await proxy.connect("listener").exchange("GET", "/", {}, b"", None, 5)).status == 200

    bench.run(scenario, stream_filters=[{"type": "twice"}, {"type": "twice"}, {"type": "twice", "name": "other"}])
    assert len(calls) == 3
    assert [bench.stats.filter("listener", name).calls for name in ("twice", "twice#2", "other")] == [1, 1, 1]


def test_a_bad_reload_changes_nothing(bench: Bench, configuration: Callable[..., dict[str, object]]) -> None:
    register(bench, "limiter", Limiter, Options)

    async def scenario(proxy: InMemoryProxy) -> None:
        client = proxy.connect("listener")
        with pytest.raises(ConfigRejected):
            proxy.reload(configuration(stream_filters=[{"type": "nothing"}]))
        assert (await client.exchange("GET", "/", {}, b"", None, 5)).status == 200
        proxy.reload(configuration(routes=[{"match": {"prefix": "/"}, "direct_response": {"status": 418, "body": "new"}}]))
        assert (await client.exchange("GET", "/", {}, b"", None, 5)).status == 418

    bench.run(scenario)
