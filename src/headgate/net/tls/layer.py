"""The TLS layer of one connection: a protocol towards the socket's transport, a transport towards the protocol above.

It works on OpenSSL's memory buffers (``ssl.MemoryBIO``): what the socket brings is put into one, what OpenSSL wants to send is taken out
of the other. Nothing waits in between: plain text is handed up as soon as it is decrypted, in one piece for each piece read, and what is
written leaves at once. Back-pressure is the socket's: pausing pauses the socket, and its write buffer, which holds
the encrypted bytes, tells the protocol above when to pause.

The ends of a connection are kept apart, because a body may run to the end of the connection (HTTP/1.0): a ``close_notify`` alert is
the peer's end (``eof_received``); a connection that just ends is an error (``connection_lost`` with one). On our side ``close`` and
``write_eof`` send the alert, ``abort`` does not (RFC 8446 section 6.1).
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import asyncio
import ssl
from time import monotonic
from typing import Final, cast

from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls import client_hello
from headgate.net.tls.client_hello import ClientHello
from headgate.net.tls.context import ContextChoice, TlsContext
from headgate.net.tls.events import CERTIFICATE, CLOSED, NOT_TLS, OVERSIZED, PROTOCOL, TIMEOUT, PendingConnection, PendingOwner
from headgate.net.tls.failures import failure_detail, failure_reason

_READ: Final = 16384
"""Bytes asked for in one read: the most that a record holds, and OpenSSL gives one record at a time."""
_MAX_HANDSHAKE: Final = 128 * 1024
"""Bytes that a peer may send before the handshake is complete; certificate chains have a few thousand."""
_MAX_REPLIES: Final = 4 * 1024 * 1024
"""Bytes that may wait for a peer that reads nothing and has TLS itself answer (key updates): far above any limit of the protocol above."""
_NO_BIO: Final = ssl.MemoryBIO()
"""Takes the place of the buffers of a connection that is gone. Stays empty."""
_ALERT_TIME: Final = 1.0
"""Seconds for a peer to take the alert that tells why a handshake failed."""


class TlsLayer(PendingConnection):
    """TLS on one connection.

    :param owner: hears of the handshake
    :param wheel: watches its time
    :param timeout: seconds for it
    """

    def __init__(self, owner: PendingOwner, wheel: DeadlineWheel, timeout: float) -> None:
        super().__init__()
        self._owner = owner
        self._wheel = wheel
        self._timeout = timeout
        self._choice: ContextChoice | None = None
        self._raw: asyncio.Transport | None = None
        self._upper: asyncio.Protocol | None = None
        self._incoming: ssl.MemoryBIO = ssl.MemoryBIO()
        self._outgoing: ssl.MemoryBIO = ssl.MemoryBIO()
        self._ssl: ssl.SSLObject | None = None
        self._hello: bytes = b""
        self._handshake_bytes: int = 0
        self._established: bool = False
        self._failed: bool = False
        self._closing: bool = False
        self._lost: bool = False
        self._sent_end: bool = False
        self._peer_ended: bool = False
        self.context: TlsContext | None = None
        self.server_name: str = ""

    @staticmethod
    def server(owner: PendingOwner, wheel: DeadlineWheel, timeout: float, choice: ContextChoice) -> TlsLayer:
        """The accepting side.

        :param choice: gives the context for what a client asks for
        """
        layer = TlsLayer(owner, wheel, timeout)
        layer._choice = choice
        return layer

    @staticmethod
    def client(owner: PendingOwner, wheel: DeadlineWheel, timeout: float, context: TlsContext, server_name: str) -> TlsLayer:
        """The connecting side.

        :param server_name: the name asked for (SNI) and verified; an IP address is only verified
        """
        layer = TlsLayer(owner, wheel, timeout)
        layer.context = context
        layer.server_name = server_name
        return layer

    # --- protocol: what the socket's transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The connection stands."""
        self._raw = transport
        if not self._owner.pending_opened(self):
            self._failed = True
            transport.abort()
            return
        if self._timeout > 0.0:
            self._wheel.arm(self, monotonic() + self._timeout)
        context = self.context
        if context is not None:
            name = self.server_name or None
            self._ssl = context.context.wrap_bio(self._incoming, self._outgoing, False, name)
            self._shake_hands()

    def data_received(self, data: bytes) -> None:
        """Encrypted bytes."""
        if self._lost:
            return
        if self._established:
            self._incoming.write(data)
            self._decrypt()
        elif not self._failed:
            # The last piece may hold any length of what comes after the handshake, so it is not counted before it is looked at.
            if self._handshake_bytes > _MAX_HANDSHAKE:
                self._fail(OVERSIZED, "more bytes than a handshake has")
                return
            self._handshake_bytes += len(data)
            if self._ssl is None:
                self._read_hello(data)
            else:
                self._incoming.write(data)
                self._shake_hands()

    def eof_received(self) -> bool:
        """The socket's end: without ``close_notify`` before it, it is an error, told by :meth:`connection_lost`."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._lost = True
        self._wheel.remove(self)
        # The protocol above refers to this object, in cycles that wait for the garbage collector. OpenSSL's part, the largest, goes now.
        self._ssl = None
        self._incoming = _NO_BIO
        self._outgoing = _NO_BIO
        upper = self._upper
        if upper is None and not self._failed:
            self._failed = True
            self._owner.pending_failed(self, CLOSED, str(error) if error else "the peer closed the connection")
        self._raw = None
        if upper is None:
            return
        self._upper = None
        if error is None and not self._closing and not self._peer_ended:
            error = ConnectionResetError("closed without close_notify: what was read may be a part only")
        upper.connection_lost(error)

    def pause_writing(self) -> None:
        """The peer reads slowly."""
        if self._upper is not None:
            self._upper.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._upper is not None:
            self._upper.resume_writing()

    # --- handshake

    def _read_hello(self, data: bytes) -> None:
        choice = self._choice
        assert choice is not None
        data = self._hello + data if self._hello else data
        hello = ClientHello()
        state = hello.read(data)
        if state == client_hello.INCOMPLETE:
            self._hello = data
        elif state == client_hello.COMPLETE:
            self._hello = b""
            self.server_name = hello.server_name
            context = choice.choose(hello)
            self.context = context
            self._ssl = context.context.wrap_bio(self._incoming, self._outgoing, True)
            self._incoming.write(data)
            self._shake_hands()
        elif state == client_hello.NOT_TLS:
            self._fail(NOT_TLS, "the client does not speak TLS")
        else:
            self._fail(OVERSIZED, "an oversized ClientHello")

    def _shake_hands(self) -> None:
        session = self._ssl
        assert session is not None
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return
        except ssl.SSLError as error:
            self._fail(failure_reason(error), failure_detail(error))
            return
        except ValueError as error:  # a server name that is none
            self._fail(PROTOCOL, str(error))
            return
        self._send()
        context = self.context
        assert context is not None
        refusal = context.peer_refused(session, self.server_name)
        if refusal:
            self._fail(CERTIFICATE, refusal)
            return
        self._wheel.remove(self)
        self._established = True
        upper = self._owner.pending_secured(self)
        if upper is None:
            self.abort()
            return
        self._upper = upper
        upper.connection_made(cast(asyncio.Transport, self))
        if not self._lost and not self._closing and (self._incoming.pending or session.pending()):
            self._decrypt()

    def _fail(self, reason: str, detail: str) -> None:
        self._failed = True
        self._hello = b""
        self._send()  # the alert that tells the peer
        self._wheel.arm(self, monotonic() + _ALERT_TIME)
        raw = self._raw
        if raw is not None and not self._lost:
            raw.close()
        self._owner.pending_failed(self, reason, detail)

    def on_deadline(self) -> None:
        """The handshake took too long, or its failure could not be told."""
        if self._failed:
            if self._raw is not None and not self._lost:
                self._raw.abort()
        elif not self._established:
            self._fail(TIMEOUT, "the handshake took too long")

    def abort_pending(self) -> None:
        """Break the connection."""
        self.abort()

    def hurry(self, when: float) -> None:
        """The handshake must be done by then."""
        if not self._established and not self._failed and (self.deadline == 0.0 or when < self.deadline):
            self._wheel.arm(self, when)

    # --- from the socket to the protocol above

    def _decrypt(self) -> None:
        """Hand up what has come. Both of OpenSSL's buffers are looked at before each further read: asking in vain costs an exception."""
        session = self._ssl
        assert session is not None
        incoming = self._incoming
        plain: bytes = b""
        pieces: list[bytes] | None = None
        ended = False
        try:
            while True:
                piece = session.read(_READ)
                if not piece:
                    ended = True
                    break
                if not plain:
                    plain = piece
                elif pieces is None:
                    pieces = [plain, piece]
                else:
                    pieces.append(piece)
                if not incoming.pending and not session.pending():
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._broken(failure_detail(error))
            return
        if self._outgoing.pending:
            self._reply()
        upper = self._upper
        if upper is None or self._lost:
            return
        if plain:
            upper.data_received(plain if pieces is None else b"".join(pieces))
        if ended and not self._peer_ended:
            self._peer_ended = True
            upper = self._upper
            if upper is not None and not self._closing and not upper.eof_received():
                self.close()

    def _reply(self) -> None:
        """Send what the protocol itself has to say. A peer that provokes it for ever and reads nothing is cut off."""
        self._send()
        raw = self._raw
        if raw is not None and not self._lost and raw.get_write_buffer_size() > _MAX_REPLIES:
            self._broken("too many replies wait to be sent")

    def _broken(self, detail: str) -> None:
        """A record that TLS does not allow: the connection cannot go on."""
        self._send()
        raw = self._raw
        upper = self._upper
        self._upper = None
        self._closing = True
        if raw is not None and not self._lost:
            raw.abort()
        if upper is not None:
            upper.connection_lost(ConnectionAbortedError(detail))

    def _send(self) -> None:
        raw = self._raw
        if self._outgoing.pending and raw is not None and not self._lost:
            raw.write(self._outgoing.read())

    # --- transport: what the protocol above calls

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        session = self._ssl
        raw = self._raw
        if not data or session is None or raw is None or self._closing or self._lost or self._sent_end:
            return
        try:
            length = len(data)
            written = session.write(data)
            if written < length:
                rest = memoryview(data)
                while written < length:  # OpenSSL writes a record at a time
                    written += session.write(rest[written:])
        except ssl.SSLError as error:
            self._broken(failure_detail(error))
            return
        raw.write(self._outgoing.read())

    def writelines(self, pieces: list[bytes]) -> None:
        """Encrypt and send several pieces."""
        self.write(b"".join(pieces))

    def can_write_eof(self) -> bool:
        """``close_notify`` ends one direction only."""
        return True

    def write_eof(self) -> None:
        """Tell the peer that nothing more comes; reading goes on."""
        session = self._ssl
        if session is None or self._sent_end or self._lost or not self._established:
            return
        self._sent_end = True
        try:  # noqa: SIM105  # contextlib.suppress is interpreted and costs as much as all the rest here
            session.unwrap()
        except (ssl.SSLError, ValueError):  # it waits for the peer's alert, as a rule
            pass
        self._send()

    def close(self) -> None:
        """Send ``close_notify`` and what is still unsent, then close."""
        if self._closing or self._lost:
            return
        self.write_eof()
        self._closing = True
        raw = self._raw
        if raw is not None:
            raw.close()

    def abort(self) -> None:
        """Close at once, without ``close_notify``: the peer can tell that this is no proper end."""
        self._closing = True
        if self._raw is not None and not self._lost:
            self._raw.abort()

    def is_closing(self) -> bool:
        """It is closed or closes."""
        return self._closing or self._lost

    def pause_reading(self) -> None:
        """Let the peer wait."""
        if self._raw is not None and not self._lost and not self._raw.is_closing():
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._raw is not None and not self._lost and not self._raw.is_closing():
            self._raw.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When ``pause_writing`` and ``resume_writing`` are called.

        :param high: encrypted bytes waiting to be sent
        :param low: likewise
        """
        if self._raw is not None:
            self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Encrypted bytes waiting to be sent."""
        return self._raw.get_write_buffer_size() if self._raw is not None else 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        """``ssl_object``, as asyncio's TLS transports, and what the socket's transport knows."""
        if name == "ssl_object":
            return self._ssl
        raw = self._raw
        return raw.get_extra_info(name, default) if raw is not None else default
