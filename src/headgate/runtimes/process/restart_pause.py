"""When a plugin process that ended is started again: at once, then after longer and longer pauses."""

from __future__ import annotations

from headgate.api.plugin import PluginRestart


class RestartPause:
    """The pauses of one process's place.

    :ivar deaths: ends in a row, each within ``reset_after`` of its start
    """

    def __init__(self, settings: PluginRestart) -> None:
        self.deaths = 0
        self._settings = settings

    def next(self, lifetime: float) -> float:
        """Note an end.

        :param lifetime: seconds that the process lived; 0 if it did not come up
        :returns: seconds to wait before the next start
        """
        settings = self._settings
        if lifetime >= settings.reset_after:
            self.deaths = 0
        self.deaths += 1
        if self.deaths == 1:
            return 0.0
        return min(settings.max_backoff, settings.backoff * 2.0 ** min(self.deaths - 2, 16))
