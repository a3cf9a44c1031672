"""The unusual in request lines: targets in other than origin form, rare methods, extra spaces.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.headers import Headers
from headgate.protocols.http1.refusal import Refusal
from headgate.protocols.http1.target_forms import split_absolute

METHODS: Final[dict[bytes, str]] = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")}
"""The usual methods."""


def loose_parts(line: bytes) -> list[bytes]:
    """The parts of a request line between which there is more than one space: llhttp lets that pass.

    :raises Refusal: if there are not three
    """
    parts = line.split()
    if len(parts) != 3:
        raise Refusal(400)
    return parts


def other_method(name: bytes) -> str:
    """A method that is not among the usual ones.

    :raises Refusal: for ``CONNECT``
    """
    if name == b"CONNECT":
        raise Refusal(405)
    return name.decode("latin-1")


def other_form(method: str, target: str, host: bytes | None, hosts: int, headers: Headers) -> tuple[str, bytes | None, int]:
    """``*``, or RFC 9112 section 3.2.2: with the absolute form, the target's authority takes the place of ``Host``.

    :returns: target, host, and how often a host is named
    :raises Refusal: for a target in neither form
    """
    if target == "*" and method == "OPTIONS":
        return target, host, hosts
    parts = split_absolute(target)
    if parts is None or hosts > 1:
        raise Refusal(400)
    authority, path = parts
    line = b"Host: " + authority
    if hosts == 1:
        headers.lines[headers.keys.index("host")] = line
    else:
        headers.append_line("host", line)
    return path, authority, 1
