"""What a plugin can be told beside the header fields, as header entries whose names begin with a colon.

A colon may not stand in a field's name (RFC 9110 section 5.1), so no client can forge one. ``:method``, ``:path``, ``:authority``,
``:scheme`` and ``:status`` are HTTP/2's (RFC 9113 section 8.3); the others are our own. Some can be changed by the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headgate.api.errors import HeaderError
from headgate.api.headers import header_line
from headgate.api.messages import checked_target
from headgate.api.stream import Stream

PHASE_NAMES: Final = ("BEFORE_ROUTE", "AFTER_ROUTE", "AFTER_CHOOSE_HOST", "BEFORE_SEND")
BEFORE_SEND: Final = 3

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def _status(stream: Stream) -> str:
    return "" if stream.response is None else str(stream.response.status)


def _route(stream: Stream) -> str:
    return "" if stream.route is None else stream.route.name


def _virtual_host(stream: Stream) -> str:
    return "" if stream.route is None else stream.route.virtual_host


def _cluster(stream: Stream) -> str:
    return "" if stream.route is None else stream.route.cluster_name


def _host(stream: Stream) -> str:
    return "" if stream.host is None else stream.host.address


_READERS: Final[dict[str, Callable[[Stream], str]]] = {
    "method": lambda stream: stream.request.method,
    "path": lambda stream: stream.request.target,
    "authority": lambda stream: stream.request.authority,
    "scheme": lambda stream: stream.request.scheme,
    "status": _status,
    "peer-address": lambda stream: stream.connection.remote.text,
    "local-address": lambda stream: stream.connection.local.text,
    "server-name": lambda stream: stream.connection.server_name or "",
    "listener": lambda stream: stream.connection.listener_name,
    "route": _route,
    "virtual-host": _virtual_host,
    "cluster": _cluster,
    "host": _host,
    "stream-id": lambda stream: str(stream.id),
}


def add_attributes(names: tuple[str, ...], stream: Stream, phase: int, into: dict[str, str]) -> None:
    """Write attributes into a call's header map; what is not known yet is an empty value.

    :param phase: the receiver phase's number, or :data:`BEFORE_SEND`
    """
    for name in names:
        value = PHASE_NAMES[phase] if name == "phase" else _READERS[name](stream)
        into[":" + name] = value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def check_attribute(name: str, value: str, phase: int) -> None:
    """Whether an answer may give an attribute this value.

    :param name: with its colon
    :raises HeaderError: if not
    """
    if phase == BEFORE_SEND:
        if name == ":status":
            if not (value.isascii() and value.isdigit() and len(value) == 3 and 200 <= int(value) <= 599):
                raise HeaderError(f"a response's status is 200 to 599, not {value!r}")
            return
    elif name == ":path":
        checked_target(value)
        return
    elif name == ":method":
        if _TOKEN.fullmatch(value) is None:
            raise HeaderError(f"not a method: {value!r}")
        return
    elif name == ":authority":
        header_line("Host", value)
        return
    raise HeaderError(f"{name!r} cannot be changed in {PHASE_NAMES[phase]}")


def set_attribute(name: str, value: str, stream: Stream) -> None:
    """Change one that :func:`check_attribute` lets pass."""
    if name == ":path":
        stream.request.target = value
    elif name == ":method":
        stream.request.method = value
    elif name == ":authority":
        stream.request.authority = value
    elif stream.response is not None:
        stream.response.status = int(value)
