"""A running proxy that is none, for tests of admin handlers without sockets."""

import pytest

from headgate.config.models import HeadgateConfig
from headgate.control.admin.view import AdminView
from headgate.observe.stats import MetricGroup


class QuietView(AdminView):
    """Knows nothing and changes nothing."""

    def version(self) -> str:
        return "0.0.0"

    def config_dump(self) -> HeadgateConfig:
        return HeadgateConfig()

    async def stats(self) -> list[MetricGroup]:
        return []

    def state(self) -> int:
        return 0

    def pid(self) -> int:
        return 0

    def levels(self) -> dict[str, str]:
        return {}

    async def set_level(self, path: str, level: str) -> bool:
        return False

    async def set_log_enabled(self, path: str, enabled: bool) -> bool:
        return False

    def ready(self) -> bool:
        return False

    def workers(self) -> list[dict[str, object]]:
        return []


@pytest.fixture
def view() -> AdminView:
    return QuietView()
