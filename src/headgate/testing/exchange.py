"""What went in and came out of a tested proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headgate.api.headers import Headers


@dataclass
class ReceivedRequest:
    """A request as the upstream host saw it.

    :ivar target: path and query
    :ivar headers: fields, framing included
    """

    method: str = ""
    target: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)


@dataclass
class Reply:
    """What the upstream host answers.

    :ivar body: one piece, or several that arrive one after the other (then chunked)
    :ivar raw: these bytes instead of all the rest
    :ivar close: close the connection after it, or, with ``raw``, in the middle of it
    :ivar never: do not answer
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Sequence[bytes] = b"upstream"
    trailers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    close: bool = False
    never: bool = False

    def pieces(self, method: str) -> list[bytes]:
        """The reply as bytes, in the pieces in which they arrive."""
        if self.never:
            return []
        if self.raw:
            return [self.raw]
        lines = [f"HTTP/1.1 {self.status} Status"] + [f"{name}: {value}" for name, value in self.headers.items()]
        bodiless = method == "HEAD" or self.status in (204, 304)
        if isinstance(self.body, bytes) and not self.trailers:
            if self.status not in (204, 304):
                lines.append(f"Content-Length: {len(self.body)}")
            return ["\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if bodiless else self.body)]
        lines.append("Transfer-Encoding: chunked")
        chunks = [self.body] if isinstance(self.body, bytes) else self.body
        pieces = ["\r\n".join(lines).encode() + b"\r\n\r\n"]
        pieces += [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
        end = "".join(f"{name}: {value}\r\n" for name, value in self.trailers.items())
        return [*pieces, b"0\r\n" + end.encode() + b"\r\n"]


@dataclass
class Exchange:
    """One request's fate.

    :ivar status: status of the response; 0 if there was none
    :ivar complete: the response came to its end
    :ivar closed: the proxy closed the client's connection
    :ivar upstream: every request that the upstream host saw for it, in order
    :ivar raw: all bytes that the client received
    """

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    complete: bool = False
    closed: bool = False
    upstream: list[ReceivedRequest] = field(default_factory=list)
    raw: bytes = b""
