"""A message's body on its way through one filter's hooks, in a filter host: whole, as the worker buffers it, and so in one chunk."""

from __future__ import annotations

from headgate.api.deferred import DeferredChunk
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.status import BodyNeed
from headgate.proxy.filter_entry import FilterSlot
from headgate.runtimes.process.filter_host_stream import HostedStream


class HostedBody:
    """The body of one call.

    :param sending: the response's, else the request's
    """

    def __init__(self, stream: HostedStream, slot: FilterSlot, sending: bool) -> None:
        self._stream = stream
        self._hooks = slot.filter
        self._sending = sending
        capabilities = slot.capabilities
        self._need = capabilities.response_body if sending else capabilities.request_body
        self._ends = capabilities.response_end if sending else capabilities.request_end
        message = self._message()
        self._came = message.body
        self._made: bytes | None = None
        if self._need != BodyNeed.BUFFER:
            message.body = None  # what has not asked for the whole does not get it, wherever it runs

    def pass_hooks(self) -> DeferredChunk | None:
        """Call the hooks of chunks and of the body's end.

        :returns: what the end waits for, if it does
        :raises Exception: whatever the hooks raise; TypeError if they return what they must not
        """
        if self._need != BodyNeed.CHUNKS:
            return None
        stream, hooks = self._stream, self._hooks
        if self._came:
            passed: object = hooks.on_send_data(stream, self._came) if self._sending else hooks.on_receive_data(stream, self._came)
            if passed is not None and not isinstance(passed, bytes):
                raise TypeError(f"returned {type(passed).__name__}, which is neither bytes nor None")
            self._made = passed
        if not self._ends or stream.made_reply is not None:
            return None
        rest: object = hooks.on_send_end(stream) if self._sending else hooks.on_receive_end(stream)
        if isinstance(rest, DeferredChunk):
            return rest
        self.add(rest)
        return None

    def add(self, rest: object) -> None:
        """What goes on behind the last chunk.

        :raises TypeError: if it is no bytes
        """
        if rest is not None and not isinstance(rest, bytes):
            raise TypeError(f"returned {type(rest).__name__}, which is neither bytes nor DeferredChunk nor None")
        if rest:
            passed = self._came if self._made is None else self._made
            self._made = (passed or b"") + rest

    def changed(self) -> bytes | None:
        """What the body has become; None if it has not changed.

        :raises TypeError: if the filter left something else in its place
        """
        if self._need != BodyNeed.BUFFER:
            return self._made
        body: object = self._message().body
        if body is self._came:
            return None
        if body is None:
            return b""
        if not isinstance(body, bytes):
            raise TypeError(f"left a body of {type(body).__name__}, not bytes")
        return body

    def _message(self) -> RequestHead | ResponseHead:
        response = self._stream.response
        return response if self._sending and response is not None else self._stream.request
