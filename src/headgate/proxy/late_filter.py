"""A filter that joins a stream's chain while the stream walks: behind the one whose handler is at work.

For a filter that finds out at work what it needs of a message: a script that asks for the body, say. It returns an already resolved
:class:`~headgate.api.deferred.Deferred` after this, so that the walk looks at the chain again.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.errors import ExtensionError
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter
from headgate.proxy.filter_entry import FilterSlot
from headgate.proxy.stream_state import RESPONDING, StreamState


def join_behind(stream: Stream, stream_filter: StreamFilter[object]) -> None:
    """Put a filter directly behind the one that the stream is at, on the way that it is on, under the same entry.

    :raises ExtensionError: if the stream is at no filter
    """
    if not isinstance(stream, StreamState) or stream.chain is None:
        raise ExtensionError("only a filter of a stream's chain can be joined")
    chain = stream.chain = stream.chain.own()
    sending = stream.step == RESPONDING
    slots = chain.senders if sending else chain.receivers
    at = stream.send_at if sending else stream.receive_at
    if at >= len(slots):
        raise ExtensionError("the stream is at no filter")
    entry = slots[at].entry
    slot = FilterSlot(stream_filter, entry, entry.capabilities_of(type(stream_filter)), slots[at].phase)
    slots.insert(at + 1, slot)
    if sending and slot.capabilities.response_body == 1:
        chain.response_chunks = True
        chain.response_ends = chain.response_ends or slot.capabilities.response_end
    elif not sending and slot.capabilities.request_body == 1:
        chain.request_chunks = True
        chain.request_ends = chain.request_ends or slot.capabilities.request_end
    chain.note_instance(slot)
