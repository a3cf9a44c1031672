"""A segfault in a shared object: the worker is replaced, only its requests are lost, the entry is set aside."""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.native.build import FOLDER, build


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(FOLDER / "exercise.c", tmp_path_factory.mktemp("native") / "exercise.so")


def crash(proxy: Headgate) -> None:
    """Bring the worker down that takes this request."""
    with contextlib.suppress(http.client.HTTPException, OSError):
        proxy.get("/", {"Do": "crash"})


@pytest.mark.parametrize(("policy", "status"), [("deny", 503), ("allow", 200)])
def test_a_crash_costs_its_worker_once_and_sets_the_entry_aside(
    headgate: HeadgateFactory, backend: BackendFactory, exercise: Path, policy: str, status: int
) -> None:
    entry = {"type": "native", "name": "crasher", "path": str(exercise), "on_error": policy, "match": {"path_prefix": "/"}}
    proxy = headgate(simple_config(backend().address, stream_filters=[entry]), workers=2)
    assert proxy.get("/").status == 200
    before = proxy.workers()
    crash(proxy)
    until(lambda: "brought worker" in proxy.logs, "the supervisor names who is to blame")
    until(lambda: "stream filter crasher of listener listener brought worker" in proxy.logs)
    until(lambda: len(proxy.workers()) == 2 and proxy.workers() != before, "the worker is replaced")
    # Set aside in the worker that lives on and in the new one: each request of these goes to either.
    for _ in range(20):
        assert proxy.get("/", {"Do": "crash"}).status == status
    assert len(set(before) & set(proxy.workers())) == 1, "only one worker has died"
    assert proxy.metric("filter_quarantined") >= 1


def test_it_comes_back_after_its_back_off(headgate: HeadgateFactory, backend: BackendFactory, exercise: Path) -> None:
    entry = {"type": "native", "name": "crasher", "path": str(exercise), "quarantine": {"backoff": "500ms"}}
    proxy = headgate(simple_config(backend().address, stream_filters=[entry]), workers=1)
    crash(proxy)
    until(lambda: "crasher is back from quarantine" in proxy.logs or _status(proxy) == 200, "it is back")
    assert proxy.get("/", {"Do": "read"}).body.startswith(b"GET / http")


def _status(proxy: Headgate) -> int:
    with contextlib.suppress(http.client.HTTPException, OSError):
        return proxy.get("/", {"Do": "read"}).status
    return 0


def test_a_pointer_that_is_kept_too_long_is_found_in_debug_mode(
    headgate: HeadgateFactory, backend: BackendFactory, exercise: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"type": "native", "name": "keeper", "path": str(exercise)}
    monkeypatch.setenv("HEADGATE_NATIVE_DEBUG", "1")
    proxy = headgate(simple_config(backend().address, stream_filters=[entry]), workers=1)
    assert proxy.get("/", {"Do": "keep-head"}).status == 200
    with contextlib.suppress(http.client.HTTPException, OSError):
        proxy.get("/", {"Do": "use-head"})
    until(lambda: "stream filter keeper of listener listener brought worker" in proxy.logs, "the misuse is named")
