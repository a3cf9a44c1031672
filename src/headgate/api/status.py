"""What a filter says and when it runs: statuses, phases, body needs, failure policies."""

from __future__ import annotations

from enum import Enum, IntEnum


class Status(Enum):
    """What a stream filter's handler returns. Values are MOSN's names."""

    CONTINUE = "Continue"
    """Go on with the next filter. Returning None means the same."""
    STOP = "Stop"
    """Receiver: no further receiver filter of any phase runs, the reply that the filter set is sent through the sender filters;
    without a reply that is the filter's fault: 500, counted, logged. Sender: the remaining sender filters are skipped."""
    TERMINATE = "termination"
    """The stream ends without a response: HTTP/1.1 closes the connection, HTTP/2 resets the stream."""
    REMATCH_ROUTE = "Retry Match Route"
    """AFTER_ROUTE only: match the route again, then run this phase again from this filter on. At most 10 times, then 500."""
    RECHOOSE_HOST = "Retry Choose Host"
    """AFTER_CHOOSE_HOST only: choose cluster and host again, likewise."""


class Phase(IntEnum):
    """When a receiver filter runs."""

    BEFORE_ROUTE = 0
    """Before the route is matched; ``stream.route`` is None."""
    AFTER_ROUTE = 1
    """After the route was matched (or found missing), before cluster and host are chosen."""
    AFTER_CHOOSE_HOST = 2
    """After cluster and host were chosen, before the headers are finalised and sent upstream."""


class BodyNeed(IntEnum):
    """What a filter needs of a body."""

    NONE = 0
    """Nothing: the body streams past the filter."""
    CHUNKS = 1
    """Each chunk as it arrives, which the filter may replace."""
    BUFFER = 2
    """The whole body before the filter's head handler runs, at most ``max_body`` bytes of the entry."""


class OnError(Enum):
    """What a failing filter means for the request at hand."""

    DENY = "deny"
    """The request is answered with a 5xx. The default."""
    ALLOW = "allow"
    """The filter is skipped."""
