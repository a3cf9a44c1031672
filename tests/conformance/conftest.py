"""What conformance tests share: proxies and backends as in the integration tests, and other people's programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests import these modules as tests.integration.… and tests.conformance.…, whatever directory pytest was started in.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.conformance.programs import Programs
from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory


@pytest.fixture
def headgate(tmp_path: Path) -> Iterator[HeadgateFactory]:
    """Starts ``headgate start`` processes; ended with the test."""
    factory = HeadgateFactory(tmp_path)
    yield factory
    factory.close()


@pytest.fixture
def backend() -> Iterator[BackendFactory]:
    """Starts backends; ended with the test."""
    factory = BackendFactory()
    yield factory
    factory.close()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Runs other people's programs; those still running end with the test."""
    made = Programs(tmp_path)
    yield made
    made.close()
