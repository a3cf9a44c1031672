"""What integration tests share: real proxies (``headgate``) and backends (``backend``)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests import these modules as tests.integration.harness and tests.integration.backends, whatever directory pytest was started in.
sys.path.insert(0, str(Path(__file__).parents[2]))

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
