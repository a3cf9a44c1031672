"""What is the same for a filter in every language: one proxy with it, and the cases that are run against that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.backends import Backend, RecordedRequest, Reply
from tests.integration.harness import Headgate, HeadgateFactory, Response, simple_config
from tests.integration.runtimes.ways import Way

FRAGILE = {"max_failures": 3, "window": "60s", "backoff": "600s"}


class Site:
    """A proxy whose listener has the filter under several names, each for the paths that begin with it, and a backend behind it."""

    def __init__(self, proxy: Headgate, backend: Backend) -> None:
        self.proxy = proxy
        self.backend = backend

    def get(self, target: str, **headers: str) -> Response:
        """GET with header fields: ``x_do`` is ``X-Do``."""
        return self.proxy.get(target, {name.replace("_", "-"): value for name, value in headers.items()})

    def arrived(self, target: str) -> int:
        """How often the backend has seen this."""
        return sum(request.target == target for request in self.backend.requests)

    def ledger(self, name: str) -> dict[str, float]:
        """What the metrics say of a filter: key -> value."""
        labels = f'{{filter="{name}",listener="listener"}}'
        other = f'{{listener="listener",filter="{name}"}}'
        found = {key: value for key, value in self.proxy.metrics().items() if key.endswith((labels, other)) and key.startswith("filter_")}
        return {key.partition("{")[0]: value for key, value in found.items()}


@contextmanager
def site_of(way: Way, folder: Path) -> Iterator[Site]:
    """Start it."""
    silent = threading.Event()

    def respond(request: RecordedRequest) -> Reply:
        return Reply(body=b"through", wait=silent if request.target == "/silent" else None)

    backend = Backend(respond)
    factory = HeadgateFactory(folder)

    def entry(name: str, **keys: object) -> dict[str, Any]:
        return {**way.with_entry(), "name": name, "match": {"path_prefix": f"/{name}"}, **keys}

    entries = [
        entry("auth"),
        entry("strict", timeout="300ms"),
        entry("lenient", timeout="300ms", on_error="allow"),
        entry("fragile", quarantine=FRAGILE),
        entry("yielding", quarantine=FRAGILE, on_error="allow"),
        entry("shared", canary={"percent": 50, "config": way.config("root")}),
    ]
    route = {"route": {"cluster_name": "upstream"}}
    root = {"auth": way.config("root")}
    routes: list[dict[str, object]] = [
        {"match": {"prefix": "/auth/root"}, **route, "per_filter_config": root},
        {"match": {"prefix": "/"}, **route},
    ]
    config = simple_config(backend.address, stream_filters=entries, routes=routes, top=way.top)
    try:
        yield Site(factory(config, extensions=way.extensions), backend)
    finally:
        silent.set()
        factory.close()
        backend.stop()


class EveryWay:
    """The cases. A subclass's file has a fixture ``site`` for each way that it runs them with."""

    def test_only_who_may_pass_passes(self, site: Site) -> None:
        for headers in ({}, {"user": "guest"}, {"user": "administrator"}):
            denied = site.get("/auth/closed", **headers)
            assert (denied.status, denied.body) == (403, b"forbidden\n")
        assert not site.arrived("/auth/closed")
        for name in ("User", "user", "USER"):
            passed = site.get("/auth/open", **{name: "admin"})
            assert (passed.status, passed.body) == (200, b"through")
        assert site.arrived("/auth/open") == 3

    def test_a_route_has_its_own_configuration(self, site: Site) -> None:
        assert site.get("/auth/root/1", User="admin").status == 403
        assert site.get("/auth/root/1", User="root").status == 200
        assert site.get("/auth/other", User="root").status == 403

    def test_what_does_not_match_never_enters(self, site: Site) -> None:
        before = site.ledger("auth")["filter_calls_total"]
        assert site.get("/elsewhere", x_do="fail").status == 200
        assert site.ledger("auth")["filter_calls_total"] == before

    def test_a_failure_is_what_on_error_says(self, site: Site) -> None:
        assert site.get("/strict/fail", x_do="fail").status == 500
        assert not site.arrived("/strict/fail")
        assert site.get("/lenient/fail", x_do="fail").body == b"through"
        assert site.get("/lenient/closed").status == 403, "a denial is no failure"
        assert site.get("/strict/open", User="admin").status == 200

    def test_a_verdict_that_never_comes_is_what_on_error_says(self, site: Site) -> None:
        before = [site.ledger(name)["filter_timeouts_total"] for name in ("strict", "lenient")]
        assert site.get("/strict/never", x_do="never").status == 504
        assert not site.arrived("/strict/never")
        assert site.get("/lenient/never", x_do="never").body == b"through"
        after = [site.ledger(name)["filter_timeouts_total"] for name in ("strict", "lenient")]
        assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]

    def test_one_that_fails_all_the_time_is_set_aside(self, site: Site) -> None:
        assert [site.get("/fragile/1", x_do="fail").status for _ in range(5)] == [500, 500, 500, 503, 503]
        assert site.get("/fragile/1", User="admin").status == 503
        assert [site.get("/yielding/1", x_do="fail").status for _ in range(5)] == [200] * 5
        assert site.get("/yielding/1").status == 200, "nobody asks it"
        for name in ("fragile", "yielding"):
            ledger = site.ledger(name)
            assert (ledger["filter_quarantined"], ledger["filter_quarantines_total"], ledger["filter_errors_total"]) == (1, 1, 3)
        assert site.get("/auth/open", User="admin").status == 200, "the same filter under another name goes on"

    def test_a_canary_takes_its_share(self, site: Site) -> None:
        """A second version of the filter, which wants another user: each request is either's."""
        before = [site.ledger(name)["filter_calls_total"] for name in ("shared", "shared@canary")]
        answers = {(site.get("/shared/1", User="admin").status, site.get("/shared/2", User="root").status) for _ in range(40)}
        after = [site.ledger(name)["filter_calls_total"] for name in ("shared", "shared@canary")]
        assert {status for pair in answers for status in pair} == {200, 403}
        assert all(now > then for now, then in zip(after, before, strict=True))
        assert site.get("/shared/3", User="guest").status == 403

    def test_metrics_and_admin_have_it_under_its_name(self, site: Site) -> None:
        before = site.ledger("auth")
        for headers in ({"User": "admin"}, {}, {"x-do": "fail"}):
            site.proxy.get("/auth/counted", headers)
        after = site.ledger("auth")
        grown = {key: after[key] - value for key, value in before.items()}
        assert grown["filter_calls_total"] >= 3
        assert grown["filter_replies_total"] == 1
        assert grown["filter_errors_total"] == 1
        assert "auth" in site.proxy.admin_get("/api/v1/stats").body.decode()
        assert "stream filter auth failed in on_receive" in site.proxy.logs
        assert "told to fail" in site.proxy.logs or "unreachable" in site.proxy.logs
