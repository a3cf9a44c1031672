"""A canary in real workers: its share is changed under load, and what is seen of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backends import BackendFactory, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config
from tests.integration.load import Load
from tests.integration.runtimes.marking import LUA, PYTHON, REGISTERED, shared_object, text


def versions(proxy: Headgate, count: int = 60) -> Counter[bytes]:
    """Which version the requests had."""
    return Counter(proxy.get("/").body for _ in range(count))


def test_the_share_is_changed_under_load(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """From a Python file to a shared object, step by step."""
    stable, new = tmp_path / "marker.py", tmp_path / "marker.so"
    text(PYTHON)(stable, "stable")
    shared_object(new, "new")
    upstream = backend(lambda request: Reply(body=request.headers.get("x-version", "").encode()))

    def config(percent: float) -> dict[str, Any]:
        canary = {"percent": percent, "type": "native", "path": "./marker.so"}
        entry = {"type": "module", "name": "mark", "path": str(stable), "factory": "Marker", "canary": canary}
        return simple_config(upstream.address, stream_filters=[entry])

    folder = headgate.workspace(config(0)).folder
    new.rename(folder / "marker.so")  # its path is relative to the configuration file
    proxy = headgate(config(0), workers=2)
    assert versions(proxy) == {b"stable": 60}
    with Load(proxy.address()) as load:
        for percent in (30, 70, 100, 0):
            load.wait_for(load.answered + 50)
            outcome = proxy.reload(config(percent))
            assert outcome.ok, outcome.errors
            found = versions(proxy)
            assert set(found) <= {b"stable", b"new"}
            assert (b"new" in found, b"stable" in found) == (percent > 0, percent < 100)
    assert not load.failures
    assert set(load.statuses) == {200}
    metrics = proxy.metrics()
    calls = {name: value for name, value in metrics.items() if name.startswith("filter_calls_total{")}
    assert len(calls) == 2, "each is a filter of its own"
    assert all(value > 0 for value in calls.values())
    assert any('filter="mark@canary"' in name for name in calls)
    assert "mark@canary" in proxy.admin_get("/api/v1/stats").body.decode()


def test_a_relative_path_of_a_script(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend(lambda request: Reply(body=request.headers.get("x-version", "").encode()))
    entry = {"type": "lua", "path": "./stable.lua", "canary": {"percent": 100, "path": "./new.lua"}}
    config = simple_config(upstream.address, stream_filters=[entry])
    folder = headgate.workspace(config).folder
    for version in ("stable", "new"):
        text(LUA)(folder / f"{version}.lua", version)
    assert versions(headgate(config), 5) == {b"new": 5}


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_another_place_for_the_same_filter(isolation: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """Isolation is tried out on a share first."""
    upstream = backend(lambda request: Reply(body=request.headers.get("x-version", "").encode()))
    other = "process" if isolation == "inline" else "inline"
    entry = {"type": "marker", "isolation": isolation, "canary": {"percent": 50, "isolation": other}}
    proxy = headgate(simple_config(upstream.address, stream_filters=[entry]), extensions=[REGISTERED.format(version="one")])
    assert versions(proxy) == {b"one": 60}
    assert all(value > 0 for name, value in proxy.metrics().items() if name.startswith("filter_calls_total{"))
