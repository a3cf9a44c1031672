"""A verdict that a module gives later, possibly from a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.api.deferred import Deferred
from headgate.api.errors import HeadgateError
from headgate.api.status import Status
from headgate.api.stream import Stream

if TYPE_CHECKING:
    from headgate.runtimes.native.module import NativeModule


class Later(Deferred):
    """One owed verdict. Its number leaves the module's table when it is given or nobody waits for it any more."""

    def __init__(self, module: NativeModule, number: int, stream: Stream) -> None:
        super().__init__()
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

    def on_abandoned(self) -> None:
        """Nobody waits any more."""
        self._forget()

    def _forget(self) -> None:
        self._module.laters.pop(self._number, None)
