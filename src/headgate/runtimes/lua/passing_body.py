"""A body that passes while a script looks at it, chunk by chunk (``bodyChunks``) or for its end alone (``trailers``).

The head has gone on by then. While the script waits for a cluster's answer chunks are kept, up to the entry's ``max_body``; they go on with
the next one, or with the end, which is held as long.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headgate.api.deferred import DeferredChunk
from headgate.runtimes.lua.state import WAIT_CALL, WAIT_CHUNK, LuaScriptError

_CHUNK: Final[list[object]] = [True, True]  # what the script's wait gives it: a chunk is there, and the head has gone
_NO_CHUNK: Final[list[object]] = [False, True]
_TRAILERS: Final[list[object]] = [True]


class ChunkReader:
    """The script's side: a run.

    :ivar wait: what it waits for, one of the ``WAIT_`` numbers; 0: nothing
    :ivar done: it has ended
    """

    wait: int = 0
    done: bool = False

    def read_on(self, values: Sequence[object]) -> None:
        """Give it what it waited for.

        :raises LuaScriptError: if it fails
        """
        raise NotImplementedError

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        raise NotImplementedError


class PassingBody:
    """One body.

    :param reader: the run
    :param name: the script's, for messages
    :param limit: bytes that may be kept
    :ivar chunk: the chunk that the script has in hand, as it has left it
    """

    chunk: bytes = b""
    _in_hand: bool = False
    _ended: bool = False
    _kept: int = 0
    _error: LuaScriptError | None = None
    _end: HeldEnd | None = None

    def __init__(self, reader: ChunkReader, name: str, limit: int) -> None:
        self._reader: ChunkReader = reader
        self._name: str = name
        self._limit: int = limit
        self._unseen: list[bytes] = []
        self._seen: list[bytes] = []

    def arrived(self, data: bytes) -> bytes | None:
        """A chunk is there.

        :returns: what goes on in its place; None: as it is
        :raises LuaScriptError: if the script fails
        """
        error = self._error
        if error is not None:
            if self._in_hand or self._seen or self._unseen:
                self._unseen.append(data)
                return self._take()
            self._error = None
            raise error
        reader = self._reader
        if reader.done and not self._seen:
            return None
        self._unseen.append(data)
        if reader.wait == WAIT_CALL:
            self._kept += len(data)
            if self._kept <= self._limit:
                return b""
            reader.abandon()
            self._error = LuaScriptError(f"{self._name}: more than max_body ({self._limit} bytes) came while httpCall was under way")
            return self._take()
        try:
            self._work()
        except LuaScriptError as failure:
            kept = self._take()
            if len(kept) == len(data):
                raise
            self._error = failure  # what was kept goes on in its order first; the next hook fails
            return kept
        return self._take_seen()

    def ended(self) -> bytes | DeferredChunk | None:
        """No more chunks.

        :returns: what goes on behind the last one, or what holds the end
        :raises LuaScriptError: if the script fails
        """
        self._ended = True
        error = self._error
        if error is None and self._reader.wait != WAIT_CALL:
            if self._reader.done and not self._seen:
                return None
            try:
                self._work()
            except LuaScriptError as failure:
                error = failure
        if error is not None:
            failed = HeldEnd(self._reader, self._take())
            failed.fail(error)
            return failed
        if self._reader.wait != WAIT_CALL:
            return self._take_seen()
        end = self._end = HeldEnd(self._reader, b"")
        return end

    def answered(self, values: Sequence[object]) -> None:
        """The call that the script waits for is over."""
        try:
            self._reader.read_on(values)
            if self._reader.wait != WAIT_CALL:
                self._work()
        except LuaScriptError as failure:
            self._failed(failure)
            return
        end = self._end
        if end is not None and self._reader.wait != WAIT_CALL:
            self._end = None
            end.data = self._take_seen()
            end.resolve()

    def _failed(self, failure: LuaScriptError) -> None:
        end = self._end
        if end is None:
            self._error = failure
            return
        self._end = None
        end.data = self._take()
        end.fail(failure)

    def _work(self) -> None:
        """Give the script what there is, until it waits for what is not there yet."""
        reader = self._reader
        while reader.wait != WAIT_CALL:
            self._put_down()
            if self._unseen:
                data = self._unseen.pop(0)
                if reader.wait == WAIT_CHUNK:
                    self.chunk = data
                    self._in_hand = True
                    reader.read_on(_CHUNK)
                else:
                    self._seen.append(data)
            elif self._ended and not reader.done:
                reader.read_on(_NO_CHUNK if reader.wait == WAIT_CHUNK else _TRAILERS)
            else:
                return
        self._kept = len(self.chunk)
        for piece in self._seen:
            self._kept += len(piece)
        for piece in self._unseen:
            self._kept += len(piece)

    def _put_down(self) -> None:
        if self._in_hand:
            self._in_hand = False
            self._seen.append(self.chunk)
            self.chunk = b""

    def _take_seen(self) -> bytes:
        seen = self._seen
        if self._reader.wait == WAIT_CALL or not seen:
            return b""
        self._seen = []
        return seen[0] if len(seen) == 1 else b"".join(seen)

    def _take(self) -> bytes:
        """Everything that is kept, seen or not: the script sees nothing more."""
        self._put_down()
        kept = b"".join(self._seen) + b"".join(self._unseen)
        self._seen = []
        self._unseen = []
        return kept


class HeldEnd(DeferredChunk):
    """The end of a body waits for a script that waits for a cluster's answer."""

    def __init__(self, reader: ChunkReader, data: bytes) -> None:
        super().__init__(data)
        self._reader = reader

    def on_abandoned(self) -> None:
        self._reader.abandon()
