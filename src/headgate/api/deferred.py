"""A verdict, or a body's rest, that comes later, without a coroutine and without a task.

What an ``async def`` handler costs (a coroutine, a task, a turn of the loop) is more than such an answer costs otherwise. A handler whose
answer arrives in a callback (a plugin's, a script's sub-request's, a native module's) returns a :class:`Deferred` instead: the stream
waits, and goes on from within :meth:`Deferred.resolve`.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy_extensions import mypyc_attr, trait

from headgate.api.status import Status


@trait
class DeferredReceiver:
    """Who waits for a :class:`Deferred`: the engine."""

    def on_deferred_done(self, verdict: Status | None) -> None:
        """The verdict is there."""
        raise NotImplementedError

    def on_deferred_failed(self, error: BaseException) -> None:
        """There will be none: the filter is at fault."""
        raise NotImplementedError


class DeferredCallbacks(DeferredReceiver):
    """A receiver made of two functions, for code that is not compiled and so cannot derive from :class:`DeferredReceiver`."""

    def __init__(self, done: Callable[[Status | None], None], failed: Callable[[BaseException], None]) -> None:
        self._done = done
        self._failed = failed

    def on_deferred_done(self, verdict: Status | None) -> None:
        self._done(verdict)

    def on_deferred_failed(self, error: BaseException) -> None:
        self._failed(error)


@mypyc_attr(allow_interpreted_subclasses=True)
class Deferred:
    """What a head handler returns when its verdict comes later. Everything about it happens in the worker's loop.

    The entry's ``timeout`` counts from the return of the handler. :meth:`resolve` and :meth:`fail` count once; later calls do nothing.
    """

    def __init__(self) -> None:
        self.done: bool = False
        """It has been resolved, has failed, or nobody waits for it any more."""
        self._receiver: DeferredReceiver | None = None
        self._verdict: Status | None = None
        self._error: BaseException | None = None

    def resolve(self, verdict: Status | None = None) -> None:
        """The verdict: what the handler would have returned at once."""
        if self.done:
            return
        self.done = True
        self._verdict = verdict
        receiver = self._receiver
        if receiver is not None:
            self._receiver = None
            receiver.on_deferred_done(verdict)

    def fail(self, error: BaseException) -> None:
        """There is no verdict: as if the handler had raised this."""
        if self.done:
            return
        self.done = True
        self._error = error
        receiver = self._receiver
        if receiver is not None:
            self._receiver = None
            receiver.on_deferred_failed(error)

    def on_abandoned(self) -> None:
        """Nobody waits any more: the client left, the time was over, or the stream was answered otherwise. Override it to cancel
        what is under way. The default does nothing."""

    # --- for the engine

    def wait(self, receiver: DeferredReceiver) -> None:
        """Tell a receiver, at once if the verdict is there already."""
        if not self.done:
            self._receiver = receiver
        elif self._error is not None:
            receiver.on_deferred_failed(self._error)
        else:
            receiver.on_deferred_done(self._verdict)

    def abandon(self) -> None:
        """Nobody waits any more."""
        if not self.done:
            self.done = True
            self._receiver = None
            self.on_abandoned()


@mypyc_attr(allow_interpreted_subclasses=True)
class DeferredChunk(Deferred):
    """What a hook of a body's end returns when the body waits: the message's end is held until it is resolved.

    :ivar data: what goes on behind the last chunk then; set it before :meth:`resolve`. It also goes on when the time is over and the
        entry's policy lets the message pass.
    """

    def __init__(self, data: bytes = b"") -> None:
        super().__init__()
        self.data: bytes = data
