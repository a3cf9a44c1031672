"""``examples/plugin_cert_loader`` in Python, and MOSN's own configuration of that demo."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import (
    EXAMPLES,
    MOSN,
    assert_certificate_is_the_plugins,
    copied,
    make_certificates,
    started,
    with_own_python,
)
from tests.integration.harness import HeadgateFactory

EXAMPLE = EXAMPLES / "plugin_cert_loader"


def test_https_with_the_plugins_certificate(
    headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_own_python(monkeypatch, Path(sys.executable))
    folder = copied(EXAMPLE, tmp_path)
    make_certificates(folder)
    assert_certificate_is_the_plugins(started(headgate, folder, backend()), "demo", folder)


def test_mosn_configuration(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies beside an executable ``loader``; its filter ``demo`` is the one of the first demo."""
    with_own_python(monkeypatch, Path(sys.executable))
    folder = copied(EXAMPLE, tmp_path)
    make_certificates(folder)
    shutil.copy(MOSN / "ext-cert-loader.json", folder)
    shutil.copy(folder / "loader.py", folder / "loader")
    proxy = started(headgate, folder, backend(), "ext-cert-loader.json", extensions=[EXAMPLES / "auth_filter"])
    assert_certificate_is_the_plugins(proxy, "serverListener", folder, {"User": "admin"})


def test_without_certificates_the_start_fails(
    headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the place in the file."""
    with_own_python(monkeypatch, Path(sys.executable))
    with pytest.raises(RuntimeError, match="tls_context"):
        started(headgate, copied(EXAMPLE, tmp_path), backend())
