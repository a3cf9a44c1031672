"""Request and response, as filters, router and codecs see them: protocol-neutral.

Framing (``Transfer-Encoding``, ``Connection`` and the other hop-by-hop fields of RFC 9110 section 7.6.1) is the codec's and never
appears here. ``Content-Length`` is visible, but writing it has no effect: the codec states the length of what it really sends.
"""

from __future__ import annotations

from urllib.parse import unquote

from headgate.api.errors import HeaderError
from headgate.api.headers import Headers


class RequestHead:
    """What a client asks for.

    :ivar method: the method as sent, upper case
    :ivar target: path and query as sent (origin form), e.g. ``/a%20b?x=1``; assigning rewrites what goes upstream
    :ivar scheme: ``http`` or ``https``, from the downstream connection
    :ivar headers: the header fields, ``host`` included
    :ivar body: the whole body once a filter that asked for it runs, else None
    :ivar trailers: trailer fields, once they have arrived
    """

    body: bytes | None = None
    trailers: Headers | None = None
    content_length: int = -1
    """Length of the body as announced by the client in bytes; -1 when it was not announced (chunked or no body)."""

    def __init__(self, method: str, target: str, headers: Headers, scheme: str = "http") -> None:
        self.method: str = method
        self.target: str = target
        self.scheme: str = scheme
        self.headers: Headers = headers

    @property
    def authority(self) -> str:
        """Host and optional port that the client named (``Host`` header); an empty string if none."""
        return self.headers.get("host") or ""

    @authority.setter
    def authority(self, value: str) -> None:
        self.headers.set("Host", value)

    @property
    def path(self) -> str:
        """The path as sent, without the query, not decoded."""
        target = self.target
        mark = target.find("?")
        return target if mark < 0 else target[:mark]

    @path.setter
    def path(self, value: str) -> None:
        """Replace the path, keeping the query.

        :raises HeaderError: for a path that neither begins with ``/`` nor is ``*``, or that holds a space, control or non-ASCII
            character
        """
        query = self.query
        self.target = checked_target(value if query is None else f"{value}?{query}")

    @property
    def query(self) -> str | None:
        """What follows the ``?`` as sent, not decoded; None if there is no ``?``."""
        mark = self.target.find("?")
        return None if mark < 0 else self.target[mark + 1 :]

    @property
    def decoded_path(self) -> str:
        """The path with its percent-encoding undone: what routes match against (as MOSN)."""
        path = self.path
        return unquote(path, errors="surrogateescape") if "%" in path else path


def checked_target(target: str) -> str:
    """The target, if it may stand in a request line.

    :raises HeaderError: if not; a space or line end in a target would split the message
    """
    if not target.startswith("/") and target != "*":
        raise HeaderError(f"a request target begins with '/': {target!r}")
    if not target.isascii() or any(c <= " " or c == "\x7f" or c == "#" for c in target):
        raise HeaderError(f"character that may not stand in a request target: {target!r}")
    return target


class ResponseHead:
    """What goes back.

    :ivar status: status code, 200 to 599
    :ivar headers: the header fields
    :ivar reason: reason phrase as received from upstream; empty: the standard one
    :ivar body: the whole body once a filter that asked for it runs, or that of a reply; else None
    :ivar trailers: trailer fields, once they have arrived
    """

    body: bytes | None = None
    trailers: Headers | None = None
    content_length: int = -1
    """Length of the body in bytes as announced; -1 when unknown."""
    wire: bytes = b""
    """For codecs: the head in HTTP/1.1 as it came, if it may be sent on so as long as nobody has changed it; else empty."""

    def __init__(self, status: int, headers: Headers, reason: str = "") -> None:
        self.status: int = status
        self.headers: Headers = headers
        self.reason: str = reason
