"""A request that cannot be accepted. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations


class Refusal(Exception):
    """The request cannot be accepted.

    :param status: what it is answered with
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
