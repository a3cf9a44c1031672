"""``httpCall``: from a script's table of headers to a request, and from its answer to what the script gets.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from mypy_extensions import trait

from headgate.api.errors import HeadgateError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead
from headgate.api.upstream_call import UpstreamReceiver

_LOG: Final = logging.getLogger("headgate.lua")


@trait
class CallOutcome:
    """Who hears what a call came to."""

    def answered(self, values: list[object]) -> None:
        """The call is over.

        :param values: failure text or None, body or None, number of fields, names and values
        """
        raise NotImplementedError


class Answer(UpstreamReceiver):
    """Takes the answer of a call to its run."""

    def __init__(self, waiting: CallOutcome) -> None:
        self._waiting = waiting

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        fields: list[object] = [b":status", str(status).encode()]
        for i, key in enumerate(headers.keys):
            fields.append(key.encode("latin-1"))
            fields.append(headers.lines[i][len(key) + 2 :])
        values: list[object] = [None, body or None, len(fields) // 2]
        values.extend(fields)
        self._waiting.answered(values)

    def on_upstream_failure(self, kind: str, message: str) -> None:
        if kind == "bad_request":
            self._waiting.answered([message.encode("utf-8", "surrogateescape"), None, 0])
            return
        _LOG.info("httpCall failed: %s: %s", kind, message)
        status, text = (b"504", b"upstream request timeout") if kind == "timeout" else (b"503", b"upstream failure")
        self._waiting.answered([None, text, 1, b":status", status])


class Nobody(UpstreamReceiver):
    """Takes the answer of an asynchronous call."""

    def on_upstream_response(self, status: int, headers: Headers, body: bytes, trailers: Headers | None) -> None:
        pass

    def on_upstream_failure(self, kind: str, message: str) -> None:
        _LOG.info("asynchronous httpCall failed: %s: %s", kind, message)


def call_head(fields: Sequence[bytes]) -> RequestHead:
    """The request head of a call.

    :param fields: names and values in turn
    :raises HeadgateError: if a pseudo field is missing, or a field may not stand in a message
    """
    pseudo: dict[bytes, str] = {}
    headers = Headers()
    for i in range(0, len(fields), 2):
        name = fields[i]
        text = fields[i + 1].decode("utf-8", "surrogateescape")
        if name[:1] == b":":
            pseudo[name.lower()] = text
        else:
            headers.add(name.decode("latin-1"), text)
    try:
        head = RequestHead(pseudo[b":method"], pseudo[b":path"], headers)
        head.authority = pseudo[b":authority"]
    except KeyError:
        raise HeadgateError("http call headers must include ':path', ':method', and ':authority'") from None
    return head
