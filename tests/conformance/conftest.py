"""What conformance tests share: proxies and backends as in the integration tests, and other people's programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.programs import Programs
from tests.integration.fixtures import backend, headgate

__all__ = ["backend", "headgate", "programs"]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Runs other people's programs; those still running end with the test."""
    made = Programs(tmp_path)
    yield made
    made.close()
