"""Two versions of one stream filter, of which a share of the requests gets the second: the ``canary`` of an entry.

Both are entries of the listener's chain, one behind the other. Which of them a request enters is drawn when the first is asked whether
the request matches it; the second goes by that. An entry without a canary knows nothing of this and pays nothing for it.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import random

from headgate.api.messages import RequestHead
from headgate.proxy.filter_entry import EntryMatch, FilterEntry


class CanaryShare:
    """How many requests the second version takes, and whether it takes the one at hand.

    :ivar drawn: the request at hand is the canary's; set by the first version's match, read by the second's at once
    """

    def __init__(self, percent: float, canary: FilterEntry) -> None:
        self._share: float = percent / 100.0
        self._canary = canary
        self.drawn: bool = False

    def draw(self) -> bool:
        """Whether a request is the canary's. One that has failed too often gets none: while it is set aside, the first version has all."""
        canary = self._canary
        return random.random() < self._share and not (canary.quarantined_until != 0.0 and canary.quarantined())


class StableMatch(EntryMatch):
    """The first version's: what the entry matches, but for the canary's share.

    :param conditions: the entry's own
    """

    def __init__(self, conditions: EntryMatch | None, share: CanaryShare) -> None:
        super().__init__("", "", frozenset(), [])
        self._conditions = conditions
        self._share = share

    def applies(self, request: RequestHead) -> bool:
        """Whether the request enters the first version."""
        share = self._share
        share.drawn = False
        if self._conditions is not None and not self._conditions.applies(request):
            return False
        share.drawn = share.draw()
        return not share.drawn


class CanaryMatch(EntryMatch):
    """The second version's: the requests that the first has left to it."""

    def __init__(self, share: CanaryShare) -> None:
        super().__init__("", "", frozenset(), [])
        self._share = share

    def applies(self, request: RequestHead) -> bool:
        """Whether the request enters the second version."""
        return self._share.drawn


def share_requests(stable: FilterEntry, canary: FilterEntry, percent: float) -> None:
    """Have the canary take a share of the requests of the entry.

    :param canary: comes right behind ``stable`` in the chain
    :param percent: 0.0 to 100.0
    """
    share = CanaryShare(percent, canary)
    stable.match = StableMatch(stable.match, share)
    canary.match = CanaryMatch(share)
