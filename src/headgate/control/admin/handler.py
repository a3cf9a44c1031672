"""Admin handlers: what answers a path of the admin server. An extension point of its own.

A handler is an ``async`` function from a request and the view of the running proxy to a response::

    @admin_handler("/my/path", methods=("GET",))
    async def my_path(request: AdminRequest, view: AdminView) -> AdminResponse:
        return text_response("hello\\n")

It runs in the supervisor, never touches traffic, and must not block. What it raises becomes a 500; what takes longer than the
server's timeout a 504.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from headgate.api.errors import RegistrationError
from headgate.api.headers import header_line
from headgate.api.registry import Registry
from headgate.control.admin.view import AdminView

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
ANY_METHOD: Final = ("GET", "POST")
"""The methods that the server speaks at all."""


class AdminRequest:
    """One request to the admin server.

    :ivar method: ``GET`` or ``POST``
    :ivar path: the path as sent
    :ivar query: query parameters, decoded: name -> values in order
    :ivar headers: header fields by lower-cased name; of repeated ones the last
    :ivar body: the whole body
    :ivar paths: all paths that the server answers, sorted
    """

    def __init__(self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes = b"") -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.paths: list[str] = []


class AdminResponse:
    """What the admin server answers.

    :ivar status: status code
    :ivar body: the whole body
    :ivar content_type: its media type
    :ivar head_lines: further header fields, each as a line
    """

    def __init__(self, status: int, body: bytes = b"", content_type: str = TEXT, headers: Mapping[str, str] | None = None) -> None:
        """
        :param headers: further header fields
        :raises HeaderError: for a header that may not stand in a message
        """
        self.status = status
        self.body = body
        self.content_type = content_type
        self.head_lines = [header_line(name, value).decode("utf-8", "surrogateescape") for name, value in (headers or {}).items()]


AdminHandle = Callable[[AdminRequest, AdminView], Awaitable[AdminResponse]]
"""The function behind a path."""


class AdminRoute:
    """A path with its handler.

    :ivar path: the exact path
    :ivar methods: methods that it answers; others get an empty 405
    :ivar handle: the function
    :ivar origin: module that registered it
    """

    def __init__(self, path: str, methods: Sequence[str], handle: AdminHandle, origin: str) -> None:
        self.path = path
        self.methods = tuple(methods)
        self.handle = handle
        self.origin = origin


ADMIN_HANDLERS: Registry[AdminRoute] = Registry("admin_handlers")
"""Admin handlers by path; entry-point group ``headgate.admin_handlers``."""


def admin_handler(path: str, *, methods: Sequence[str] = ("GET",)) -> Callable[[AdminHandle], AdminHandle]:
    """Register the decorated function for a path. Must be done before the admin server starts.

    :param path: the exact path, from its slash on
    :param methods: methods that it answers, of ``GET`` and ``POST``
    :raises RegistrationError: if the path is taken or no path, or for another method
    """
    if not path.startswith("/"):
        raise RegistrationError(f"admin handler {path!r}: a path begins with '/'")
    foreign = [method for method in methods if method not in ANY_METHOD]
    if foreign or not methods:
        raise RegistrationError(f"admin handler {path!r}: methods are of GET and POST, got {', '.join(foreign) or 'none'}")

    def register(handle: AdminHandle) -> AdminHandle:
        route = AdminRoute(path, methods, handle, handle.__module__)
        ADMIN_HANDLERS.register(path, lambda config: route, origin=handle.__module__)
        return handle

    return register


def text_response(text: str, status: int = 200) -> AdminResponse:
    """A response of plain text."""
    return AdminResponse(status, text.encode("utf-8", "backslashreplace"))


def json_response(value: object, status: int = 200, indent: int | str | None = None) -> AdminResponse:
    """A response of JSON."""
    return AdminResponse(status, json.dumps(value, indent=indent).encode("ascii"), JSON)


def error_response(message: str, status: int) -> AdminResponse:
    """A JSON error: ``{"error": "..."}``."""
    return json_response({"error": message}, status)
