"""The fixtures of tests with real sockets: proxies and the backends behind them. A folder's conftest.py takes them by importing them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory


@pytest.fixture
def headgate(tmp_path: Path) -> Iterator[HeadgateFactory]:
    """Starts ``headgate start`` processes: ``headgate(config, extensions=..., workers=...)``; ended with the test."""
    factory = HeadgateFactory(tmp_path)
    yield factory
    factory.close()


@pytest.fixture
def backend() -> Iterator[BackendFactory]:
    """Starts backends: ``backend(responder)``; ended with the test."""
    factory = BackendFactory()
    yield factory
    factory.close()
