"""Two versions of one filter: who gets which, and that each is a filter of its own."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from headgate.api import ConfigRejected, Phase, Status, Stream, StreamFilter, stream_filter
from headgate.api.registry import ExtensionScope, collecting
from headgate.testing import FilterTester


class Marking(StreamFilter[dict[str, str]]):
    """Marks what passes it; fails where it is told to."""

    def on_receive(self, stream: Stream) -> Status:
        if self.config.get("fails"):
            raise RuntimeError("on purpose")
        stream.request.headers.add("X-Version", self.config["version"])
        return Status.CONTINUE


class Refusing(StreamFilter[object]):
    """Answers."""

    def on_receive(self, stream: Stream) -> Status:
        stream.reply(403)
        return Status.STOP


@pytest.fixture
def scope() -> ExtensionScope:
    made = ExtensionScope()
    with collecting(made):
        stream_filter("marking", config=dict[str, str])(Marking)
        stream_filter("refusing")(Refusing)
    return made


@pytest.fixture(autouse=True)
def _same_draws() -> Iterator[None]:
    state = random.getstate()
    random.seed(4711)
    yield
    random.setstate(state)


def versioned(scope: ExtensionScope, canary: Mapping[str, object], entry: Mapping[str, object] | None = None, **more: Any) -> FilterTester:
    keys = {"name": "mark", "canary": canary, **(entry or {})}
    return FilterTester("marking", {"version": "stable"}, entry=keys, scope=scope, **more)


def versions(made: FilterTester, count: int, target: str = "/") -> Counter[str]:
    """Which version the requests had."""

    async def ask() -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(count):
            exchange = await made.send("GET", target)
            seen = exchange.upstream[0].headers.get_all("x-version") if exchange.upstream else [str(exchange.status)]
            found[",".join(seen)] += 1
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize(("percent", "low", "high"), [(0, 0, 0), (100, 200, 200), (25, 30, 75), (0.5, 0, 8)])
def test_the_share(scope: ExtensionScope, percent: float, low: int, high: int) -> None:
    """Each request has one of the two, never both or none."""
    found = versions(versioned(scope, {"percent": percent, "config": {"version": "new"}}), 200)
    assert low <= found["new"] <= high
    assert found["new"] + found["stable"] == 200


def test_each_has_its_ledger(scope: ExtensionScope) -> None:
    made = versioned(scope, {"percent": 50, "config": {"version": "new"}})
    found = versions(made, 100)
    assert made.stats.calls == found["stable"] > 0
    assert made.stats_of("mark@canary").calls == found["new"] > 0


def test_a_version_of_another_type(scope: ExtensionScope) -> None:
    assert versions(versioned(scope, {"percent": 100, "type": "refusing"}), 3) == {"403": 3}


def test_what_does_not_match_gets_neither(scope: ExtensionScope) -> None:
    made = versioned(scope, {"percent": 100, "config": {"version": "new"}}, {"match": {"path_prefix": "/in"}})
    assert versions(made, 3, "/in") == {"new": 3}
    assert versions(made, 3, "/out") == {"": 3}


def test_routes_configure_both(scope: ExtensionScope) -> None:
    """Under the entry's name or type, and the canary under a name of its own if it needs something else."""
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}}

    class Late(Marking):
        phase = Phase.AFTER_ROUTE

    with collecting(scope):
        stream_filter("late", config=dict[str, str])(Late)
    entry = {"name": "mark", "canary": {"percent": 50, "config": {"version": "new", "other": "kept"}}}

    def made(**per_filter: object) -> FilterTester:
        routes = [{**route, "per_filter_config": per_filter}]
        return FilterTester("late", {"version": "stable"}, entry=entry, scope=scope, routes=routes)

    assert versions(made(mark={"version": "route"}), 40) == {"route": 40}
    assert versions(made(late={"version": "route"}), 40) == {"route": 40}
    found = versions(made(**{"mark": {"version": "route"}, "mark@canary": {"version": "route, new"}}), 40)
    assert set(found) == {"route", "route, new"}


def test_a_failing_canary_is_set_aside_and_the_stable_version_has_its_requests(
    scope: ExtensionScope, caplog: pytest.LogCaptureFixture
) -> None:
    quarantine = {"max_failures": 3, "window": "60s", "backoff": "600s"}
    made = versioned(scope, {"percent": 100, "config": {"fails": "yes"}}, {"quarantine": quarantine})

    async def ask() -> list[int]:
        proxy = made.proxy()
        client = proxy.connect("listener")
        statuses = [(await client.exchange("GET", "/", (), b"", None, 10.0)).status for _ in range(6)]
        client.leave()
        proxy.close()
        return statuses

    assert asyncio.run(ask()) == [500, 500, 500, 200, 200, 200]
    assert made.stats_of("mark@canary").quarantined == 1
    assert made.stats.quarantined == 0
    assert "stream filter mark@canary failed in on_receive" in caplog.text
    assert "stream filter mark@canary failed 3 times within 60 s: in quarantine" in caplog.text


def test_the_policy_is_the_entrys(scope: ExtensionScope) -> None:
    made = versioned(scope, {"percent": 100, "config": {"fails": "yes"}}, {"on_error": "allow"})
    assert versions(made, 2) == {"": 2}


@pytest.mark.parametrize(
    ("canary", "line"),
    [
        ({"percent": 101, "config": {}}, "canary.percent: must be from 0 to 100, is 101"),
        ({"percent": -0.5, "config": {}}, "canary.percent: must be from 0 to 100, is -0.5"),
        ({"percent": "5", "config": {}}, "canary.percent: expected a number"),
        ({"config": {}}, "canary.percent: required, but not given"),
        ({"percent": 5}, "canary: is the same as the entry (give it a type, path, factory, config or isolation of its own)"),
        ({"percent": 5, "type": "markin"}, "canary.type: unknown stream filter 'markin' (did you mean 'marking'?)"),
        ({"percent": 5, "config": {"version": 1}}, "canary.config.version: Input should be a valid string"),
        ({"percent": 5, "path": "/no.py"}, "canary.path: only a filter of type"),
        ({"percent": 5, "config": {}, "on_error": "allow"}, "canary.on_error: unknown key"),
        ({"percent": 5, "type": "module", "path": "/no.py"}, "canary.path: no such file: /no.py"),
    ],
)
def test_what_is_refused(scope: ExtensionScope, canary: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigRejected) as caught:
        versioned(scope, canary)
    (error,) = caught.value.errors
    assert error.render().startswith(f"servers[0].listeners[0].stream_filters[0].{line}")


def test_its_name_cannot_be_taken(scope: ExtensionScope) -> None:
    with pytest.raises(ConfigRejected, match=r"stream_filters\[0\].name: ends with '@canary'"):
        FilterTester("marking", {"version": "1"}, entry={"name": "a@canary"}, scope=scope)
