"""The stream: one request and its response, as a filter sees it.

The engine's implementation is ``headgate.proxy.stream.ActiveStream``; ``headgate.testing`` drives the same one without sockets.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mypy_extensions import mypyc_attr

from headgate.api.messages import RequestHead, ResponseHead


class Address:
    """One end of a connection.

    :ivar ip: the address as text, or the path of a unix socket
    :ivar port: the port; 0 for a unix socket
    """

    def __init__(self, ip: str, port: int) -> None:
        self.ip: str = ip
        self.port: int = port
        self.text: str = ip if port == 0 else (f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}")

    def __str__(self) -> str:
        return self.text


def _no_session() -> object:
    return None


class TlsInfo:
    """TLS of a downstream connection.

    :ivar version: ``TLSv1.3``, ``TLSv1.2``, ...
    :ivar cipher: the cipher suite, by OpenSSL's name
    :ivar protocol: the application protocol agreed upon (ALPN), or an empty string
    :ivar resumed: the handshake resumed a session
    :ivar session: gives the connection's ``ssl.SSLObject`` while it lives, None afterwards; what costs to find out is asked there
    :ivar peer_subject: subject of the client's certificate (RFC 4514), or an empty string
    :ivar forwarded: the client's certificate as ``X-Forwarded-Client-Cert`` tells it, or an empty string
    """

    def __init__(self, version: str, cipher: str, protocol: str, resumed: bool) -> None:
        self.version: str = version
        self.cipher: str = cipher
        self.protocol: str = protocol
        self.resumed: bool = resumed
        self.session: Callable[[], object] = _no_session
        self.peer_subject: str = ""
        self.forwarded: str = ""


class ConnectionInfo:
    """The downstream connection of a stream.

    :ivar id: number of the connection, unique in its worker
    :ivar remote: the peer
    :ivar local: our end
    :ivar listener_name: name of the listener that accepted it
    :ivar tls_peer_certificate: the client's certificate in PEM form, or None
    :ivar server_name: the name that the client asked for in TLS (SNI), or None
    :ivar tls: what the TLS handshake came to, or None for plain text
    """

    def __init__(self, id: int, remote: Address, local: Address, listener_name: str) -> None:
        self.id: int = id
        self.remote: Address = remote
        self.local: Address = local
        self.listener_name: str = listener_name
        self.tls_peer_certificate: str | None = None
        self.server_name: str | None = None
        self.tls: TlsInfo | None = None


class RouteInfo:
    """The matched route.

    :ivar name: name of the route, or an empty string
    :ivar virtual_host: name of its virtual host
    :ivar cluster_name: the cluster it leads to; empty for a redirect or direct response
    :ivar metadata: the route's ``metadata`` from the configuration
    """

    def __init__(self, name: str, virtual_host: str, cluster_name: str, metadata: Mapping[str, object]) -> None:
        self.name: str = name
        self.virtual_host: str = virtual_host
        self.cluster_name: str = cluster_name
        self.metadata: Mapping[str, object] = metadata


class HostInfo:
    """The chosen upstream host.

    :ivar address: ``ip:port`` or ``unix:/path`` as configured
    :ivar hostname: the configured host name, or the address
    :ivar metadata: the host's ``metadata`` from the configuration
    """

    def __init__(self, address: str, hostname: str, metadata: Mapping[str, object]) -> None:
        self.address: str = address
        self.hostname: str = hostname
        self.metadata: Mapping[str, object] = metadata


_NO_HEADERS: Final[dict[str, str]] = {}


@mypyc_attr(allow_interpreted_subclasses=True)  # the stand-in of a process of its own derives from it
class Stream:
    """One request and its response.

    :ivar id: number of the stream, unique in its worker
    :ivar request: the request; its headers may be changed until it is sent upstream
    :ivar response: the response, once there is one; its headers may be changed until it is sent downstream
    :ivar connection: the downstream connection
    :ivar route: the matched route; None before routing and when no route matches
    :ivar host: the chosen upstream host; None before the choice
    """

    response: ResponseHead | None = None
    route: RouteInfo | None = None
    host: HostInfo | None = None
    _variables: dict[str, object] | None = None

    def __init__(self, id: int, request: RequestHead, connection: ConnectionInfo) -> None:
        self.id: int = id
        self.request: RequestHead = request
        self.connection: ConnectionInfo = connection

    @property
    def variables(self) -> dict[str, object]:
        """Values shared by everything along the stream, by name; also readable as ``%name%`` in logs and header values.

        Names that steer the engine: ``proxy_disable_retry`` (bool), ``proxy_global_timeout`` and ``proxy_try_timeout``
        (milliseconds), as in MOSN.
        """
        variables = self._variables
        if variables is None:
            variables = self._variables = {}
        return variables

    def reply(self, status: int, headers: Mapping[str, str] = _NO_HEADERS, body: bytes | str = b"") -> None:
        """Answer the request. The reply goes through the sender filters; a receiver filter returns ``Status.STOP`` after it.

        Protocol-neutral, and never an echo of the request's headers (MOSN echoes them).

        :param status: 200 to 599
        :param headers: header fields of the reply
        :param body: text is sent as UTF-8
        :raises AlreadyRepliedError: if the request has been answered already
        :raises ReplyTooLateError: if the response has begun or the stream has ended
        :raises HeaderError: for a header that may not stand in a message
        """
        raise NotImplementedError

    def terminate(self, code: int) -> bool:
        """End the request from anywhere, also later and from another thread: it is answered with ``code`` and what is under way
        upstream is cancelled (MOSN's TerminateStream).

        :param code: 400 to 599
        :returns: False if the stream has ended or a response has already arrived: then nothing happens. From another thread the
            answer is what was true at the time of the call; the loop decides again.
        """
        raise NotImplementedError
