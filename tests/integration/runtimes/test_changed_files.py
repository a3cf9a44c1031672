"""Files of filters that change: ``--watch`` takes them up under load, and what is broken changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.integration.load import Load
from tests.integration.runtimes.marking import KINDS, PYTHON, by_rename
from tests.integration.runtimes.swap import file_entry

RAISING = PYTHON.format(version="2") + "\nMarker.config_type = undefined\n"

BROKEN: dict[str, tuple[str, str, str]] = {
    "syntax error": ("module", "def broken(:\n", "{path}:1: "),
    "raising file": ("module", RAISING, "{path}:8: NameError"),
    "no shared object": ("native", "words", "{path} is not a shared object"),
    "script": ("lua", "function broken(\n", "{name}:"),
    "no module": ("wasm", "(module (func)", "{path}"),
}
"""What -> type of the entry, what the file becomes, what is said of it."""


def respond(request: RecordedRequest) -> Reply:
    return Reply(body=request.headers.get("x-version", "").encode())


def _answers(proxy: Headgate, version: str) -> None:
    """Wait until a version answers, in both workers: each connection is new."""
    until(lambda: {proxy.get("/").body for _ in range(10)} == {version.encode()}, f"version {version} answers")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", ["module", "native"])
def test_a_watched_file_is_replaced_under_load(kind: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    name, write = KINDS[kind]
    path = tmp_path / name
    write(path, "1")
    config = simple_config(backend(respond).address, stream_filters=file_entry(kind, path)("1")["stream_filters"])
    proxy = headgate(config, workers=2, arguments=["--watch"])
    assert proxy.get("/").body == b"1"
    with Load(proxy.address()) as load:
        for version in ("22", "333"):
            load.wait_for(load.answered + 50)
            by_rename(write, path, version)
            _answers(proxy, version)
    assert not load.failures
    assert set(load.statuses) == {200}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_changes_nothing(what: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    kind, broken, message = BROKEN[what]
    name, write = KINDS[kind]
    path = tmp_path / name
    write(path, "1")
    config = simple_config(backend(respond).address, stream_filters=file_entry(kind, path)("1")["stream_filters"])
    proxy = headgate(config, workers=2)
    with Load(proxy.address()) as load:
        load.wait_for(50)
        path.write_text(broken)
        outcome = proxy.reload()
        assert not outcome.ok
        assert message.format(path=path, name=name) in str(outcome.errors)
        assert {proxy.get("/").body for _ in range(10)} == {b"1"}
        load.wait_for(load.answered + 50)
    assert not load.failures
    assert set(load.statuses) == {200}


def test_a_factory_that_raises_changes_nothing(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    path = tmp_path / "marker.py"
    source = PYTHON.format(version="1") + "\ndef create_filter_factory(config):\n    {line}\n"
    source += "    from headgate.api.stream_filter import ClassFactory\n    return ClassFactory(Marker, config)\n"
    path.write_text(source.replace("{line}", "pass"))
    proxy = headgate(simple_config(backend(respond).address, stream_filters=[{"type": "module", "path": str(path)}]))
    path.write_text(source.replace("{line}", 'raise RuntimeError("no database")'))
    outcome = proxy.reload()
    assert not outcome.ok
    assert f"{path}:9: RuntimeError: no database" in str(outcome.errors)
    assert proxy.get("/").body == b"1"
