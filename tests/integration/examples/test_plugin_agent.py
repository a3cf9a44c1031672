"""``examples/plugin_agent`` as it stands, and MOSN's own configuration of that demo with the example as its extension."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import (
    EXAMPLES,
    MOSN,
    assert_only_admin_passes,
    copied,
    plugin_pid,
    started,
    with_own_python,
)
from tests.integration.harness import HeadgateFactory, request, until

EXAMPLE = EXAMPLES / "plugin_agent"


@pytest.mark.parametrize("which", ["example", "mosn"])
def test_only_admin_passes(
    which: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MOSN's file lies beside ``checker`` and ``checkconf.json``, and only its ports are replaced."""
    with_own_python(monkeypatch, Path(sys.executable))
    upstream = backend()
    folder = copied(EXAMPLE, tmp_path)
    if which == "example":
        proxy = started(headgate, folder, upstream)
    else:
        shutil.copy(MOSN / "ext-plugin-filter.json", folder)
        proxy = started(headgate, folder, upstream, "ext-plugin-filter.json", extensions=[EXAMPLE])
    assert_only_admin_passes(proxy, "demo" if which == "example" else "serverListener", upstream)


def test_nobody_passes_while_the_plugin_hangs(
    headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer the call raises, and ``on_error`` is ``deny``."""
    with_own_python(monkeypatch, Path(sys.executable))
    upstream = backend()
    proxy = started(headgate, copied(EXAMPLE, tmp_path), upstream)
    address = proxy.address("demo")
    assert request(address, headers={"User": "admin"}).status == 200
    pid = plugin_pid(proxy, "checker")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert request(address, headers={"User": "admin"}).status in (500, 503, 504)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: request(address, headers={"User": "admin"}).status == 200, "the plugin answers again")
