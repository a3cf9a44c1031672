"""``examples/plugin_filter`` in Python; the other languages are among the conformance tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import EXAMPLES, assert_only_admin_passes, copied, started, with_own_python
from tests.integration.harness import HeadgateFactory


@pytest.mark.parametrize("program", ["checker.py", "checker_grpcio.py"])
def test_only_admin_passes(
    program: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_own_python(monkeypatch, Path(sys.executable))
    upstream = backend()
    proxy = started(headgate, copied(EXAMPLES / "plugin_filter", tmp_path), upstream, command=[f"./{program}"])
    assert_only_admin_passes(proxy, "demo", upstream)
    assert proxy.stop() == 0


@pytest.mark.parametrize("program", ["checker.py", "checker_grpcio.py"])
def test_run_by_hand_it_says_what_it_is(program: str, headgate: HeadgateFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOSN_PLUGIN", raising=False)
    folder = copied(EXAMPLES / "plugin_filter", tmp_path)
    result = headgate.workspace("{}").run([sys.executable, str(folder / program), "-c", str(folder / "checkconf.json")])
    assert result.returncode == 1
    assert "plugin" in result.stderr
    assert not result.stdout
