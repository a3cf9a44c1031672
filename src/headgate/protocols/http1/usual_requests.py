"""Requests without a body that come again byte for byte: polling, health checks, whatever many clients ask for.

What they mean depends on nothing but their bytes, so one that was judged and read twice is not judged and read again. Only heads that say
nothing special get here (``RequestFields.usual``), short ones, all of whose header lines were known before: a head with a cookie or a
trace in it leaves no mark.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.protocols.http1.fields import LONGEST_HEAD, MOST_HEADS
from headgate.protocols.http1.request_fields import RequestFields


class UsualRequest:
    """One such request. Never changed.

    :ivar fields: its header lines
    """

    def __init__(self, method: str, target: str, fields: RequestFields) -> None:
        self.method: str = method
        self.target: str = target
        self.fields: RequestFields = fields


USUAL_REQUESTS: Final[dict[bytes, UsualRequest]] = {}
"""Whole heads, with their empty line."""
_SEEN_ONCE: Final[set[bytes]] = set()


def note_usual(head: bytes, method: str, target: str, fields: RequestFields) -> None:
    """A usual request was accepted: the second time it is remembered.

    :param head: with its empty line, and nothing behind it
    """
    if len(head) > LONGEST_HEAD:
        return
    if head not in _SEEN_ONCE:
        if len(_SEEN_ONCE) >= MOST_HEADS:
            _SEEN_ONCE.clear()
        _SEEN_ONCE.add(head)
        return
    _SEEN_ONCE.discard(head)
    if len(USUAL_REQUESTS) >= MOST_HEADS:
        USUAL_REQUESTS.clear()
    USUAL_REQUESTS[head] = UsualRequest(method, target, fields)
