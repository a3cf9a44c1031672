"""The errors of Headgate, as one tree.

::

    HeadgateError
    |-- ConfigError                 one finding about a configuration: path, what is wrong, what to do
    |   `-- NotSupportedYet         a key that MOSN knows and this version of Headgate does not implement
    |-- ConfigRejected              a whole configuration refused: carries every ConfigError
    |-- ExtensionError              code of the user's own is at fault
    |   |-- RegistrationError       two registrations under one name, or something that cannot be registered
    |   |-- ExtensionLoadError      an extension file or module that cannot be imported
    |   |-- AlreadyRepliedError     a second reply to one request
    |   `-- ReplyTooLateError       a reply after the response has begun
    |-- HeaderError                 a header name or value that may not stand in a message
    `-- ServerError                 the proxy cannot start or go on (port in use, missing directory, ...)

Each names the place and the remedy; none is an anonymous string.
"""

from __future__ import annotations

from collections.abc import Sequence


class HeadgateError(Exception):
    """Root of all errors that Headgate raises on purpose."""


class ConfigError(HeadgateError):
    """One finding about a configuration.

    :param path: where, in the file's own terms: ``servers[0].listeners[0].address``; empty for the whole file
    :param message: what is wrong there
    :param hint: what to do about it, or an empty string
    """

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        self.path = path
        self.message = message
        self.hint = hint
        super().__init__(self.render())

    def render(self) -> str:
        """The finding as one line: ``path: message (hint)``."""
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} ({self.hint})" if self.hint else text


class NotSupportedYet(ConfigError):
    """A key or value that belongs to MOSN's schema and that this version does not implement."""

    def render(self) -> str:
        """The finding as one line: ``not supported yet: path (what exactly)``."""
        text = f"not supported yet: {self.path}"
        detail = "; ".join(part for part in (self.message, self.hint) if part)
        return f"{text} ({detail})" if detail else text


class ConfigRejected(HeadgateError):
    """A configuration that is refused as a whole, with every finding that led to it."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors: tuple[ConfigError, ...] = tuple(errors)
        super().__init__("\n".join(error.render() for error in self.errors))


class ExtensionError(HeadgateError):
    """Code of the user's own is at fault."""


class RegistrationError(ExtensionError):
    """Two registrations under one name, or an object that cannot be registered."""


class ExtensionLoadError(ExtensionError):
    """An extension file or module that cannot be imported; the message names file and line."""


class AlreadyRepliedError(ExtensionError):
    """A filter answered a request that has been answered already."""


class ReplyTooLateError(ExtensionError):
    """A filter tried to answer after the response had begun or the stream had ended."""


class HeaderError(HeadgateError, ValueError):
    """A header name or value that may not stand in a message (RFC 9110 section 5.5)."""


class ServerError(HeadgateError):
    """The proxy cannot start or go on; the message is one clear line for the operator."""
