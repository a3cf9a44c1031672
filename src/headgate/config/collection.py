"""Python's cyclic garbage collector, kept away from large configurations.

A configuration of 10,000 routes is 300,000 objects without a single cycle. While they are made, the collector would go over all of
them again and again (measured: from 0.1 s to 0.8 s for :func:`~headgate.config.wire.from_wire`), and each full pass holds the
interpreter for 300 ms and more, which a worker that serves traffic cannot afford.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_resume = False
_freeze = False


@contextmanager
def collection_paused(*, freeze: bool = False) -> Iterator[None]:
    """While active, in any thread, the collector does not run. May be nested.

    :param freeze: at the end of the outermost pause, take everything that is alive out of the collector's sight (``gc.freeze``). It is
        still freed when its last reference goes; only a cycle that was garbage at that moment is never collected.
    """
    global _depth, _resume, _freeze  # the collector is global, too
    with _lock:
        if _depth == 0:
            _resume = gc.isenabled()
            _freeze = False
            gc.disable()
        _depth += 1
        _freeze = _freeze or freeze
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                if _freeze:
                    gc.freeze()
                if _resume:
                    gc.enable()
