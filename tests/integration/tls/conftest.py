"""A CA for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.tls.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A CA and a server certificate for ``localhost`` and ``127.0.0.1``."""
    return Site(tmp_path / "certificates")
