"""The filters that stand in a worker's chain for those in a process of their own, and the factory that makes them.

Each filter of the real chain has one stand-in, of the same phase. Its handler sends what the filter may see and returns a
:class:`~headgate.api.deferred.Deferred`; the answer brings verdict, reply and changes. The engine knows the entry's timeout, policy and
quarantine and treats all as its own. Hooks for chunks and trailers are synchronous in the engine, which cannot wait in them for another
process: a filter that has any gets the complete message instead, in one chunk; those of a body's end run there before the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from headgate.api.deferred import Deferred
from headgate.api.errors import HeadgateError
from headgate.api.status import BodyNeed, Phase, Status
from headgate.api.stream import Stream
from headgate.api.stream_filter import FilterCallbacks, StreamFilter, StreamFilterFactory, Verdict
from headgate.runtimes.process.host_words import host_words
from headgate.runtimes.process.isolation_connection import HostConnection, IsolationError
from headgate.runtimes.process.isolation_link import HostLink
from headgate.runtimes.process.isolation_messages import SEND, Abandon, Call, Done, End, FrameError, Log, Reply, Slot
from headgate.runtimes.process.isolation_state import apply_changes, birth_of, state_of

_LOG: Final = logging.getLogger("headgate.isolation")


class IsolatedStream:
    """What the stand-ins of one stream share: the connection that the stream's filters live behind, and its number there."""

    def __init__(self, link: HostLink) -> None:
        self._link = link
        self._stream: Stream | None = None
        self._connection: HostConnection | None = None
        self._number = 0

    def bound(self, stream: Stream) -> tuple[HostConnection, int, bool]:
        """Connection, number, and whether the host does not know the stream yet.

        :raises IsolationError: if the process that the stream's filters lived in is gone
        """
        connection = self._connection
        if connection is None:
            connection = self._connection = self._link.connection()
            self._stream = stream
            self._number = connection.add_stream(self)
            return connection, self._number, True
        if connection.gone:
            raise IsolationError("the process in which this request's filters lived has ended")
        return connection, self._number, False

    def end(self) -> None:
        """The stream has ended."""
        connection = self._connection
        if connection is not None and not connection.gone:
            connection.streams.pop(self._number, None)
            connection.send(End(self._number))
        self._stream = None

    def on_terminate(self, code: int) -> None:
        """A filter ends the stream."""
        if self._stream is not None and 400 <= code <= 599:
            self._stream.terminate(code)

    def on_late_reply(self, reply: Reply) -> None:
        """A filter answers outside of its handlers."""
        if self._stream is not None:
            try:
                _reply(self._stream, reply)
            except (HeadgateError, ValueError) as error:
                _LOG.error("a reply of an isolated filter cannot be sent: %s", host_words(str(error)))


def _reply(stream: Stream, reply: Reply) -> None:
    stream.reply(reply.status, reply.headers, reply.body.decode() if reply.text else reply.body)


class IsolatedVerdict(Deferred):
    """One call to a filter host, and the verdict that the stream waits for."""

    def __init__(self, shared: IsolatedStream, stream: Stream) -> None:
        super().__init__()
        self._shared = shared
        self._stream = stream
        self._connection: HostConnection | None = None
        self._number = 0

    def start(self, slot: int, config: int, request_body: bool, response_body: bool) -> None:
        """Ask."""
        try:
            connection, stream_number, unknown = self._shared.bound(self._stream)
            self._number = connection.next_call(self)
            self._connection = connection
            birth = birth_of(self._stream) if unknown else None
            connection.send(Call(self._number, stream_number, slot, config, birth, state_of(self._stream, request_body, response_body)))
        except FrameError as error:
            self._drop()
            self.fail(IsolationError(f"the message cannot be sent to the filter's process: {error}"))
        except IsolationError as error:
            self.fail(error)

    def on_call_done(self, done: Done) -> None:
        """The filter has come to a verdict."""
        self._connection = None
        if self.done:
            return
        try:
            verdict = Status(done.verdict)
            if done.changes is not None:
                apply_changes(self._stream, done.changes)
            if done.reply is not None:
                _reply(self._stream, done.reply)
        except Exception as error:
            # The message may quote what the host sent.
            self.fail(IsolationError(f"{type(error).__name__}: {host_words(str(error))}"))
            return
        self.resolve(verdict)

    def on_call_failed(self, error: IsolationError) -> None:
        """There is no verdict."""
        self._connection = None
        self.fail(error)

    def on_abandoned(self) -> None:
        connection = self._connection
        number = self._number
        if connection is not None:
            self._drop()
            connection.send(Abandon(number))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.forget_call(self._number)


class StandIn(StreamFilter[int]):
    """Stands for one filter. Its ``config`` is the number of the configuration that the real one is to have."""

    slot: int = 0
    whole: bool = False

    def __init__(self, shared: IsolatedStream) -> None:
        super().__init__(0)
        self._shared = shared


class ReceivingStandIn(StandIn):
    """On the request's way."""

    def on_receive(self, stream: Stream) -> Verdict:
        verdict = IsolatedVerdict(self._shared, stream)
        verdict.start(self.slot, self.config, self.whole, False)
        return verdict


class SendingStandIn(StandIn):
    """On the response's way."""

    def on_send(self, stream: Stream) -> Verdict:
        verdict = IsolatedVerdict(self._shared, stream)
        verdict.start(self.slot, self.config, False, self.whole)
        return verdict


class EndStandIn(StandIn):
    """Tells the host that the stream has ended."""

    def on_destroy(self) -> None:
        self._shared.end()


class LoggingStandIn(EndStandIn):
    """Has ``on_log`` run before it."""

    def on_log(self, stream: Stream) -> None:
        try:
            connection, number, unknown = self._shared.bound(stream)
            connection.send(Log(number, self.config, birth_of(stream) if unknown else None, state_of(stream, False, False)))
        except (FrameError, IsolationError) as error:
            raise IsolationError(f"on_log cannot run: {error}") from error


class IsolatedFactory(StreamFilterFactory):
    """Stands in for the factory of one entry.

    :param slots: the filters of the real chain
    :param logs: some have ``on_log``
    """

    def __init__(self, link: HostLink, slots: list[Slot], logs: bool) -> None:
        self._link = link
        self._receivers: list[type[ReceivingStandIn]] = []
        self._senders: list[type[SendingStandIn]] = []
        self._last: type[EndStandIn] = LoggingStandIn if logs else EndStandIn
        for number, slot in enumerate(slots):
            need = BodyNeed.BUFFER if slot.whole else BodyNeed.NONE
            # What a filter needs of a body, and when it runs, is its class's to say.
            members: dict[str, object] = {"slot": number, "whole": slot.whole}
            if slot.way == SEND:
                self._senders.append(type("SendingStandIn", (SendingStandIn,), {**members, "response_body": need}))
            else:
                members |= {"phase": Phase(slot.phase), "request_body": need}
                self._receivers.append(type("ReceivingStandIn", (ReceivingStandIn,), members))

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        shared = IsolatedStream(self._link)
        for receiver in self._receivers:
            callbacks.add_receiver(receiver(shared))
        for sender in self._senders:
            callbacks.add_sender(sender(shared))
        callbacks.add(self._last(shared))

    def route_config(self, config: object, raw: Mapping[str, object]) -> int:
        """The number by which the host knows a route's configuration."""
        return self._link.route_number(raw)

    def close(self) -> None:
        self._link.close()
