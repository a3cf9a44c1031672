"""Adding and removing header fields on behalf of a route, its virtual host and its router.

Each level is one :class:`HeaderRules`: first what is added, in order, then what is removed. What is fixed is encoded and checked when
the configuration is loaded; per request a line is appended. Fields that belong to the codec cannot be named here, so the headers
need not count as changed and the codec need not look at its own fields again.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from headgate.api.errors import ConfigError, HeaderError
from headgate.api.headers import Headers, header_line
from headgate.api.registry import ExtensionScope
from headgate.api.stream import Stream
from headgate.config.models import HeaderValueOption
from headgate.observe.format import Format, compile_format
from headgate.protocols.http1.fields import FRAMING
from headgate.router.errors import RewriteError

_LOG: Final = logging.getLogger("headgate.router")
_SEPARATE: Final = "set-cookie"
"""The field whose values cannot be joined (RFC 9110 section 5.3)."""


def replace_line(headers: Headers, key: str, line: bytes) -> None:
    """Replace every field of that name by one, without marking the headers as changed.

    :param key: the lower-cased name; not one of the codec's own fields
    :param line: well-formed, without line end
    """
    keys = headers.keys
    if key not in keys:
        headers.append_line(key, line)
        return
    index = keys.index(key)
    headers.lines[index] = line
    if keys.count(key) > 1:
        remove_lines(headers, key, index + 1)


def remove_lines(headers: Headers, key: str, start: int = 0) -> None:
    """Remove the fields of that name from a position on, without marking the headers as changed.

    :param key: the lower-cased name; not one of the codec's own fields
    """
    keys = headers.keys
    for i in range(len(keys) - 1, start - 1, -1):
        if keys[i] == key:
            del keys[i]
            del headers.lines[i]


class HeaderAddition:
    """One field to add.

    :param name: as it goes on the wire
    :param value: the value, if it is fixed
    :param format: makes the value otherwise
    :param append: join with a value that is there, rather than replace it
    """

    def __init__(self, name: str, value: str, format: Format | None, append: bool) -> None:
        self._name: str = name
        self._key: str = name.lower()
        self._value: str = value
        self._format: Format | None = format
        self._append: bool = append
        self._line: bytes = header_line(name, value)

    def apply(self, headers: Headers, stream: Stream) -> None:
        """Add the field. A value that comes out empty, because its variables are missing, adds nothing.

        :raises RewriteError: if a variable holds what may not stand in a header
        """
        key = self._key
        present = key in headers.keys
        if self._format is None and not (present and self._append):
            replace_line(headers, key, self._line)
            return
        value = self._value
        if self._format is not None:
            value = self._format.render(stream)
            if not value:
                return
        if present and self._append and key != _SEPARATE:
            values = [old for old in headers.get_all(key) if old]
            values.append(value)
            value = ",".join(values)
        try:
            line = header_line(self._name, value)
        except HeaderError as error:
            raise RewriteError(f"header {self._name} is to be {value!r}: {error}") from None
        if present and self._append and key == _SEPARATE:
            headers.append_line(key, line)
        else:
            replace_line(headers, key, line)


class HeaderRules:
    """What one level of the configuration adds and removes."""

    def __init__(self, additions: list[HeaderAddition], removals: list[str]) -> None:
        self.additions: list[HeaderAddition] = additions
        self.removals: list[str] = removals

    def apply(self, headers: Headers, stream: Stream) -> None:
        """Add, then remove.

        :raises RewriteError: if a variable holds what may not stand in a header; everything else has been done nevertheless, so that
            what is to be removed never stays
        """
        failed: RewriteError | None = None
        for addition in self.additions:
            try:
                addition.apply(headers, stream)
            except RewriteError as error:
                failed = error
        for key in self.removals:
            if key in headers.keys:
                remove_lines(headers, key)
        if failed is not None:
            raise failed


def apply_levels(levels: list[HeaderRules], headers: Headers, stream: Stream) -> None:
    """Apply the rules of several levels, one after the other.

    :raises RewriteError: as :meth:`HeaderRules.apply`, when all levels are done
    """
    failed: RewriteError | None = None
    for rules in levels:
        try:
            rules.apply(headers, stream)
        except RewriteError as error:
            failed = error
    if failed is not None:
        raise failed


def build_header_rules(
    to_add: list[HeaderValueOption],
    to_remove: list[str],
    path: str,
    kind: str,
    findings: list[ConfigError],
    scope: ExtensionScope | None = None,
) -> HeaderRules | None:
    """Make the rules of one level; None if there are none.

    :param path: where the level stands
    :param kind: ``request`` or ``response``
    :param findings: errors are added here
    :param scope: the extensions of the configuration at hand
    """
    additions: list[HeaderAddition] = []
    for i, option in enumerate(to_add):
        try:
            additions.append(_addition(option, f"{path}.{kind}_headers_to_add[{i}]", kind, scope))
        except ConfigError as error:
            findings.append(error)
    removals: list[str] = []
    for i, name in enumerate(to_remove):
        where = f"{path}.{kind}_headers_to_remove[{i}]"
        key = name.lower()
        if key == "host":
            findings.append(ConfigError(where, "a request needs its Host", "host_rewrite changes it"))
        elif key in FRAMING:
            _LOG.warning("%s: %s belongs to the protocol; it is never forwarded as it came", where, name)
        else:
            removals.append(key)
    return HeaderRules(additions, removals) if additions or removals else None


def _addition(option: HeaderValueOption, path: str, kind: str, scope: ExtensionScope | None) -> HeaderAddition:
    name = option.header.key
    value = option.header.value
    if name.lower() in FRAMING:
        raise ConfigError(f"{path}.header.key", f"{name} belongs to the protocol and cannot be set")
    if name.lower() == "host" and kind == "request":
        raise ConfigError(f"{path}.header.key", "Host cannot be set here", "use host_rewrite")
    try:
        if "%" in value:
            return HeaderAddition(name, "", compile_format(value, f"{path}.header.value", scope, missing=""), option.append)
        return HeaderAddition(name, value, None, option.append)
    except HeaderError as error:
        raise ConfigError(f"{path}.header", str(error)) from None
