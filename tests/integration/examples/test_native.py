"""``examples/native_auth`` in C and ``examples/native_plugin`` as they stand. Rust and Go: tests/conformance/test_native_languages.py."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import EXAMPLES, assert_only_admin_passes, copied, plugin_pid, started, with_own_python
from tests.integration.harness import Headgate, HeadgateFactory, alive, request, until
from tests.native.build import build


def test_auth_in_c(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    upstream = backend()
    folder = copied(EXAMPLES / "native_auth", tmp_path)
    build(folder / "c" / "auth.c", folder / "auth.so")
    assert_only_admin_passes(started(headgate, folder, upstream), "web", upstream)


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared object that asks a plugin, built."""
    with_own_python(monkeypatch, Path(sys.executable))
    folder = copied(EXAMPLES / "native_plugin", tmp_path)
    build(folder / "ask.c", folder / "ask.so")
    return folder


def test_a_shared_object_with_a_process_behind_it(asking: Path, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = started(headgate, asking, upstream)
    assert_only_admin_passes(proxy, "demo", upstream)
    pid = plugin_pid(proxy, "checker")
    assert proxy.stop() == 0
    assert not alive(pid)


def _status(proxy: Headgate) -> int:
    return request(proxy.address("demo"), headers={"User": "admin"}).status


def test_nobody_passes_while_the_process_hangs_or_is_dead(asking: Path, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = started(headgate, asking, backend())
    assert _status(proxy) == 200
    pid = plugin_pid(proxy, "checker")
    os.kill(pid, signal.SIGSTOP)
    assert _status(proxy) == 500
    until(lambda: "timeout" in proxy.logs, "the module says why")
    os.kill(pid, signal.SIGKILL)
    until(lambda: _status(proxy) == 200, "another process answers")
    assert plugin_pid(proxy, "checker") != pid


def test_without_the_executable_nothing_starts(asking: Path, headgate: HeadgateFactory, backend: BackendFactory) -> None:
    (asking / "checker").unlink()
    with pytest.raises(RuntimeError, match="checker"):
        started(headgate, asking, backend())
