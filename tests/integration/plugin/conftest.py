"""What the tests of the author's side share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.plugin.plugin_process import PluginStarter


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[PluginStarter]:
    """Starts plugins; ended with the test."""
    starter = PluginStarter(tmp_path)
    yield starter
    starter.close()
