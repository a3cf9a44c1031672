"""Header maps as a guest sees them: with pseudo-headers, names in lower case, values as bytes.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead, checked_target

Pairs = list[tuple[bytes, bytes]]


def text(data: bytes) -> str:
    """A name or value of the guest's, as headers keep it."""
    return data.decode("utf-8", "surrogateescape")


def raw(value: str) -> bytes:
    """A header's value, for the guest."""
    return value.encode("utf-8", "surrogateescape")


def first(headers: Headers, name: str) -> bytes | None:
    """The first value under a name."""
    key = name.lower()
    keys = headers.keys
    if key not in keys:
        return None
    return headers.lines[keys.index(key)][len(key) + 2 :]


def pairs_of(headers: Headers) -> Pairs:
    """All fields."""
    return [(key.encode(), line[len(key) + 2 :]) for key, line in zip(headers.keys, headers.lines, strict=True)]


class HeaderMap:
    """A plain map: trailers, or the headers of a call's answer.

    What changes it raises ``HeaderError`` or ``ValueError`` for what may not stand in a message.
    """

    def __init__(self, headers: Headers) -> None:
        self.headers = headers

    def pairs(self) -> Pairs:
        """Everything."""
        return pairs_of(self.headers)

    def get(self, name: str) -> bytes | None:
        """The first value."""
        return first(self.headers, name)

    def add(self, name: str, value: str) -> None:
        """Add a value."""
        self.headers.add(name, value)

    def replace(self, name: str, value: str) -> None:
        """Put one value in the place of all."""
        self.headers.set(name, value)

    def remove(self, name: str) -> None:
        """Remove all values."""
        self.headers.remove(name)

    def replace_all(self, pairs: Pairs) -> None:
        """Put these in the place of everything."""
        made = HeaderMap(Headers())
        for name, value in pairs:
            if not name.startswith(b":"):
                made.headers.add(text(name), text(value))
        for present in set(self.headers):
            self.headers.remove(present)
        for field, content in made.headers.items():
            self.headers.add(field, content)
        for name, value in pairs:
            if name.startswith(b":"):
                self.replace(text(name), text(value))


class RequestMap(HeaderMap):
    """A request's headers; ``host`` is ``:authority``, as in HTTP/2."""

    def __init__(self, request: RequestHead) -> None:
        super().__init__(request.headers)
        self._request = request

    def pairs(self) -> Pairs:
        request = self._request
        pairs = [
            (b":authority", raw(request.authority)),
            (b":path", raw(request.target)),
            (b":method", request.method.encode()),
            (b":scheme", request.scheme.encode()),
        ]
        pairs += [pair for pair in pairs_of(self.headers) if pair[0] != b"host"]
        return pairs

    def get(self, name: str) -> bytes | None:
        if not name.startswith(":"):
            return first(self.headers, name)
        request = self._request
        if name == ":path":
            return raw(request.target)
        if name == ":method":
            return raw(request.method)
        if name == ":authority":
            return raw(request.authority)
        return raw(request.scheme) if name == ":scheme" else None

    def add(self, name: str, value: str) -> None:
        if name.startswith(":"):
            self.replace(name, value)
        else:
            self.headers.add(name, value)

    def replace(self, name: str, value: str) -> None:
        request = self._request
        if not name.startswith(":"):
            self.headers.set(name, value)
        elif name == ":path":
            request.target = checked_target(value)
        elif name == ":authority":
            request.authority = value
        elif name == ":method":
            if not value.isalpha():
                raise ValueError(f"not a method: {value!r}")
            request.method = value
        elif name != ":scheme":  # which is the connection's, and stays
            raise ValueError(f"a request has no {name}")

    def remove(self, name: str) -> None:
        if name.startswith(":"):
            raise ValueError(f"{name} cannot be removed")
        self.headers.remove(name)

    def replace_all(self, pairs: Pairs) -> None:
        host = self._request.authority
        super().replace_all(pairs)
        if host and "host" not in self.headers:
            self._request.authority = host


class ResponseMap(HeaderMap):
    """A response's headers and ``:status``."""

    def __init__(self, response: ResponseHead) -> None:
        super().__init__(response.headers)
        self._response = response

    def pairs(self) -> Pairs:
        return [(b":status", str(self._response.status).encode()), *super().pairs()]

    def get(self, name: str) -> bytes | None:
        return str(self._response.status).encode() if name == ":status" else first(self.headers, name)

    def add(self, name: str, value: str) -> None:
        if name.startswith(":"):
            self.replace(name, value)
        else:
            self.headers.add(name, value)

    def replace(self, name: str, value: str) -> None:
        if name == ":status":
            status = int(value)
            if not 200 <= status <= 599:
                raise ValueError(f"a response's status is 200 to 599, not {value}")
            self._response.status = status
        elif name.startswith(":"):
            raise ValueError(f"a response has no {name}")
        else:
            self.headers.set(name, value)

    def remove(self, name: str) -> None:
        if name.startswith(":"):
            raise ValueError(f"{name} cannot be removed")
        self.headers.remove(name)


class MetadataMap(HeaderMap):
    """The metadata of a gRPC call, as it came; nobody changes it."""

    def __init__(self, metadata: Pairs) -> None:
        super().__init__(Headers())
        self._metadata = metadata

    def pairs(self) -> Pairs:
        return self._metadata

    def get(self, name: str) -> bytes | None:
        key = name.lower().encode("utf-8", "surrogateescape")
        for field, value in self._metadata:
            if field == key:
                return value
        return None


class CallMap(HeaderMap):
    """The headers of a call's answer, which nobody changes."""

    def __init__(self, status: int, headers: Headers) -> None:
        super().__init__(headers)
        self._status = status

    def pairs(self) -> Pairs:
        return [(b":status", str(self._status).encode()), *super().pairs()]

    def get(self, name: str) -> bytes | None:
        return str(self._status).encode() if name == ":status" else first(self.headers, name)
