"""The pauses before a plugin is started again."""

from headgate.api.plugin import PluginRestart
from headgate.runtimes.process.restart_pause import RestartPause


def test_at_once_then_longer_and_longer_up_to_the_longest() -> None:
    pause = RestartPause(PluginRestart(0.5, 3.0, 60.0))
    assert [pause.next(1.0) for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_long_life_is_a_clean_slate() -> None:
    pause = RestartPause(PluginRestart(0.5, 3.0, 60.0))
    pause.next(0.0)
    pause.next(0.0)
    assert pause.next(60.0) == 0.0
    assert pause.next(1.0) == 0.5


def test_a_thousand_deaths_are_no_overflow() -> None:
    pause = RestartPause(PluginRestart(0.5, 3.0, 60.0))
    assert [pause.next(0.0) for _ in range(2000)][-1] == 3.0
