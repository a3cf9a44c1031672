"""Errors of routing a request. Errors of the configuration are ``headgate.api.errors.ConfigError``.

::

    HeadgateError
    `-- RoutingError            a request that the router cannot deal with; the engine answers ``status``
        |-- SubjectTooLong      a value is too long for the regular expression that has to look at it (414, 431)
        `-- RewriteError        a rewrite or header rule gives something that may not stand in a message (500)
"""

from __future__ import annotations

from headgate.api.errors import HeadgateError


class RoutingError(HeadgateError):
    """A request that the router cannot deal with.

    :ivar status: what the engine answers
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class SubjectTooLong(RoutingError):
    """A value is too long for the regular expression that has to look at it: 414 for a path, 431 for a header."""


class RewriteError(RoutingError):
    """A rewrite or header rule gives something that may not stand in a message; the message names the result."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 500)
