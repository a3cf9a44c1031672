"""Whether the proxy is to end, and how."""

from __future__ import annotations

import asyncio


class StopRequest:
    """What signals and the control socket have asked for.

    :ivar asked: the proxy is to end
    :ivar at_once: what is under way is not waited for
    :ivar exit_code: what the process exits with
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        self.exit_code = 0

    @property
    def stopping(self) -> bool:
        """The proxy is to end."""
        return self.asked.is_set()

    def ask(self, at_once: bool = False, exit_code: int = 0) -> None:
        """Ask for the end.

        :param at_once: do not wait for what is under way
        :param exit_code: what the process exits with if this ends the wait
        """
        self.asked.set()
        if at_once:
            self.at_once.set()
            self.exit_code = exit_code

    def interrupt(self) -> None:
        """SIGINT: the first asks for an orderly end, the next for an end at once."""
        self.ask(at_once=self.stopping, exit_code=130)
