"""A stream as a worker tells it to a filter host, and what the host's answer changes about it.

The host runs code of the user's own and may have been taken over by it: every change is checked before the first is made, by the same
rules as those of a filter in the worker, and bounded.
"""

from __future__ import annotations

import re
from typing import Final

from headgate.api.errors import HeaderError
from headgate.api.headers import Headers, header_line
from headgate.api.messages import RequestHead, ResponseHead, checked_target
from headgate.api.stream import Stream
from headgate.runtimes.process.isolation_messages import MAX_HEADERS, Birth, Changes, Plain, Request, Response, State, plain

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NO_VARIABLES: Final[Plain] = {}


def birth_of(stream: Stream) -> Birth:
    """What never changes about a stream."""
    connection = stream.connection
    return Birth(
        stream.id,
        connection.id,
        (connection.remote.ip, connection.remote.port),
        (connection.local.ip, connection.local.port),
        connection.listener_name,
        connection.tls_peer_certificate,
        connection.server_name,
        stream.request.scheme,
    )


def state_of(stream: Stream, request_body: bool, response_body: bool) -> State:
    """The stream as it is.

    :param request_body: the request's body and trailers are told, too
    :param response_body: the response's likewise
    """
    request, response = stream.request, stream.response
    route, host, variables = stream.route, stream.host, stream.variables
    return State(
        Request(
            request.method,
            request.target.encode("utf-8", "surrogateescape"),
            request.headers.lines,
            request.content_length,
            request.body if request_body else None,
            request.trailers.lines if request.trailers is not None else None,
        ),
        None
        if response is None
        else Response(
            response.status,
            response.reason,
            response.headers.lines,
            response.content_length,
            response.body if response_body else None,
            response.trailers.lines if response.trailers is not None else None,
        ),
        None if route is None else (route.name, route.virtual_host, route.cluster_name, plain(dict(route.metadata))),
        None if host is None else (host.address, host.hostname, plain(dict(host.metadata))),
        plain(variables) if variables else _NO_VARIABLES,
    )


def apply_changes(stream: Stream, changes: Changes) -> None:
    """Change the stream as a filter in the host did.

    :raises HeaderError: if something may not stand in a message; nothing has changed then
    """
    request, response = stream.request, stream.response
    fields = _headers(changes.fields, request.headers)
    trailers = _headers(changes.trailers, request.trailers)
    response_fields = _headers(changes.response_fields, None if response is None else response.headers)
    response_trailers = _headers(changes.response_trailers, None if response is None else response.trailers)
    if changes.method is not None and _TOKEN.fullmatch(changes.method) is None:
        raise HeaderError(f"not a method: {changes.method!r}")
    target = None if changes.target is None else checked_target(changes.target.decode("utf-8", "surrogateescape"))
    if changes.status is not None and not 200 <= changes.status <= 599:
        raise HeaderError(f"a response's status is 200 to 599, not {changes.status}")
    if changes.reason is not None and not (changes.reason.isascii() and changes.reason.isprintable()):
        raise HeaderError(f"not a reason phrase: {changes.reason!r}")
    if changes.method is not None:
        request.method = changes.method
    if target is not None:
        request.target = target
    if fields is not None:
        _take(request.headers, fields)
    if changes.body is not None:
        request.body = changes.body
    if trailers is not None:
        _take_trailers(request, trailers)
    if response is not None:
        _change_response(response, changes, response_fields, response_trailers)
    if changes.variables:
        stream.variables.update(changes.variables)
    for name in changes.dropped or ():
        stream.variables.pop(name, None)


def _change_response(response: ResponseHead, changes: Changes, fields: Headers | None, trailers: Headers | None) -> None:
    if changes.status is not None:
        response.status = changes.status
    if changes.reason is not None:
        response.reason = changes.reason
    if fields is not None:
        _take(response.headers, fields)
    if changes.response_body is not None:
        response.body = changes.response_body
    if trailers is not None:
        _take_trailers(response, trailers)


def _headers(lines: list[bytes] | None, present: Headers | None) -> Headers | None:
    """Checked fields; those that are there already, as most are, need no check."""
    if lines is None:
        return None
    if len(lines) > MAX_HEADERS:
        raise HeaderError(f"{len(lines)} header fields, over {MAX_HEADERS}")
    known = {} if present is None else dict(zip(present.lines, present.keys, strict=True))
    made = Headers()
    for line in lines:
        key = known.get(line)
        if key is None:
            name, colon, value = line.partition(b": ")
            text = name.decode("latin-1")
            if not colon:
                raise HeaderError(f"not a header field: {line!r}")
            line = header_line(text, value.decode("utf-8", "surrogateescape"))
            key = text.lower()
        made.append_line(key, line)
    return made


def _take(headers: Headers, made: Headers) -> None:
    headers.keys[:] = made.keys
    headers.lines[:] = made.lines
    headers.changed = True


def _take_trailers(message: RequestHead | ResponseHead, made: Headers) -> None:
    if message.trailers is None:
        message.trailers = made
    else:
        _take(message.trailers, made)
