"""A verdict, or the end of a body, that a module gives later, possibly from a thread of its own.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.api.deferred import DeferredChunk
from headgate.api.errors import HeadgateError
from headgate.api.status import Status
from headgate.api.stream import Stream

if TYPE_CHECKING:
    from headgate.runtimes.native.module import NativeModule


class Later(DeferredChunk):
    """One owed verdict; :attr:`data` counts where it is of a body's end. Its number leaves the module's table when it is given or nobody
    waits for it any more.

    :ivar of_end: it is of a body's end, not of a head
    """

    def __init__(self, module: NativeModule, number: int, stream: Stream, of_end: bool) -> None:
        super().__init__()
        self.of_end = of_end
        self._module = module
        self._number = number
        self._stream = stream

    def complete(self, verdict: Status | None, error: str, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """In the worker's loop: the verdict as the module gave it."""
        self._forget()
        if self.done:
            return
        if error:
            self.fail(RuntimeError(error))
            return
        try:
            if status:
                self._stream.reply(status, dict(headers), body)
        except (HeadgateError, ValueError) as refused:
            self.fail(refused)
            return
        self.resolve(verdict)

    def release(self, data: bytes) -> None:
        """In the worker's loop: the end goes on.

        :param data: behind the last chunk
        """
        if not self.done:
            self.data = data
            self.resolve()

    def on_abandoned(self) -> None:
        """Nobody waits any more."""
        self._forget()

    def _forget(self) -> None:
        self._module.laters.pop(self._number, None)
