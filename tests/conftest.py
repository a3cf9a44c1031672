"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No example is judged by the clock: the machine may be busy with other tests. In CI the examples are the same each time, so that a change
# does not fail for what another one should have found; everywhere else they are new.
settings.register_profile("headgate", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ)
settings.load_profile("headgate")
