"""What tests of the engine share."""

from __future__ import annotations

import pytest

from tests.unit.proxy.recorder import Recorder


@pytest.fixture
def notes() -> list[str]:
    """What the recorders of this test have noted."""
    Recorder.notes.clear()
    return Recorder.notes
