"""The watchdog: a synchronous filter that blocks the loop is found, named and counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from headgate.api.stream_filter import ClassFactory, StreamFilter
from headgate.observe.filter_stats import FilterStats
from headgate.observe.stats_store import StatsStore
from headgate.proxy.filter_entry import FilterEntry, Quarantine
from headgate.proxy.watch import Watch
from headgate.proxy.watchdog import Watchdog

LIMIT = 0.05


@pytest.fixture
def stats() -> FilterStats:
    return StatsStore().filter("listener", "sleepy")


def make_entry(stats: FilterStats, failures: int = 0) -> FilterEntry:
    """An entry named ``sleepy``."""
    factory = ClassFactory(StreamFilter, {})
    return FilterEntry(1, "sleepy", "sleepy", factory, True, 5.0, 0, None, Quarantine(failures, 10.0, 30.0), stats)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def watchdog(watch: Watch) -> Iterator[Watchdog]:
    dog = Watchdog(watch, LIMIT)
    dog.start()
    yield dog
    dog.stop()


def enter(watch: Watch, entry: FilterEntry) -> None:
    """What the engine does before a call."""
    watch.serial += 1
    watch.entry = entry


def block_until_reported(stats: FilterStats, count: int) -> None:
    """A handler that blocks this thread, as a filter blocks the loop's."""
    never = threading.Event()
    while stats.blocked < count:
        never.wait(0.01)


def test_a_blocking_call_is_reported_once_with_its_place(
    watch: Watch, watchdog: Watchdog, stats: FilterStats, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "headgate.watchdog"):
        enter(watch, make_entry(stats))
        block_until_reported(stats, 1)
        threading.Event().wait(4 * LIMIT)
        watch.entry = None
    assert stats.blocked == 1
    (record,) = caplog.records
    text = record.getMessage()
    assert "stream filter sleepy blocks the event loop for more than 0.05 s at " in text
    assert "threading.py:" in text or "test_watchdog.py:" in text, "the innermost frame of the thread that is stuck"


def test_each_blocking_call_is_reported(watch: Watch, watchdog: Watchdog, stats: FilterStats) -> None:
    entry = make_entry(stats)
    for count in (1, 2):
        enter(watch, entry)
        block_until_reported(stats, count)
        watch.entry = None
    assert stats.blocked == 2


def test_many_short_calls_are_none_that_blocks(watch: Watch, watchdog: Watchdog, stats: FilterStats) -> None:
    """The serial tells two calls of one entry apart, however often the thread looks while one is running."""
    entry, other = make_entry(stats), StatsStore().filter("listener", "other")
    pause = threading.Event()
    for _ in range(60):
        enter(watch, entry)
        pause.wait(LIMIT / 20)
        watch.entry = None
    assert stats.blocked == 0
    enter(watch, make_entry(other))
    block_until_reported(other, 1)


def test_blocking_counts_towards_quarantine(watch: Watch, watchdog: Watchdog, stats: FilterStats) -> None:
    entry = make_entry(stats, failures=1)
    enter(watch, entry)
    block_until_reported(stats, 1)
    while not stats.quarantined:
        threading.Event().wait(0.005)
    watch.entry = None
    assert entry.quarantined()


def test_another_limit(watch: Watch, stats: FilterStats) -> None:
    dog = Watchdog(watch, 3600.0)
    dog.set_warn_after(LIMIT)
    dog.start()
    enter(watch, make_entry(stats))
    block_until_reported(stats, 1)
    watch.entry = None
    dog.stop()
