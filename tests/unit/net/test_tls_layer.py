"""The TLS layer against a client in memory: records in every cut, back-pressure, ends, noise."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from headgate.net.deadlines import DeadlineWheel
from headgate.net.tls.context import ContextChoice, TlsContext
from headgate.net.tls.events import PendingConnection, PendingOwner
from headgate.net.tls.layer import TlsLayer
from headgate.testing.memory_transport import MemoryTransport


class Upper(asyncio.Protocol):
    """What stands above the layer."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.events: list[str] = []
        self.error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # the layer, which has its methods

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.events.append("eof")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.events.append("lost")
        self.error = error

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class Owner(PendingOwner):
    """Who hears of handshakes."""

    def __init__(self) -> None:
        self.upper = Upper()
        self.failure = ""
        self.accept = True

    def pending_opened(self, pending: PendingConnection) -> bool:
        return self.accept

    def pending_secured(self, pending: PendingConnection) -> asyncio.Protocol | None:
        return self.upper

    def pending_failed(self, pending: PendingConnection, reason: str, detail: str) -> None:
        assert not self.failure
        self.failure = reason


class BufferTransport(MemoryTransport):
    """With a write buffer of a given size."""

    unsent = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Pair:
    """A layer and its client."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.owner = Owner()
        self.upper = self.owner.upper
        choice = ContextChoice([TlsContext(server, True, "test", [], ["http/1.1"], 0.0, None)])
        self.layer = TlsLayer.server(self.owner, DeadlineWheel(), 15.0, choice)
        self.raw = BufferTransport(lambda data: None, lambda: self.layer.connection_lost(None))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.layer.connection_made(self.raw)

    def to_client(self) -> None:
        self.incoming.write(self.raw.written)
        self.raw.written = b""

    def to_server(self, piece: int = 1 << 30) -> None:
        data = self.outgoing.read()
        for start in range(0, len(data), piece):
            self.layer.data_received(data[start : start + piece])

    def shake_hands(self, piece: int = 1 << 30) -> None:
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.to_server(piece)
            self.to_client()
        assert self.upper.transport is not None

    def read(self) -> bytes:
        self.to_client()
        data = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self.client.read(65536):
                data += piece
        return data


Run = Callable[[Callable[[Pair], None]], None]


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.minimum_version = client.maximum_version = request.param

    def runner(body: Callable[[Pair], None]) -> None:
        async def main() -> None:
            body(Pair(server, client))

        asyncio.run(main())

    return runner


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 30])
def test_records_in_every_cut(run: Run, piece: int) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands(piece)
        pair.client.write(b"a" * 3000)
        pair.client.write(b"b" * 17)
        pair.to_server(piece)
        assert pair.upper.received == b"a" * 3000 + b"b" * 17
        assert pair.layer.server_name == "localhost"

    run(body)


def test_large_bodies_both_ways(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands()
        data = bytes(range(256)) * 4096
        sent = 0
        while sent < len(data):
            sent += pair.client.write(data[sent:])
        pair.to_server(100_000)
        assert pair.upper.received == data
        pair.layer.write(data)
        assert pair.read() == data

    run(body)


def test_data_right_behind_the_handshake(run: Run) -> None:
    def body(pair: Pair) -> None:
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                pair.client.do_handshake()
                pair.client.write(b"early")
                break
            pair.to_server()
            pair.to_client()
        pair.to_server()
        assert pair.upper.received == b"early"

    run(body)


def test_the_peers_close_notify_is_the_end(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands()
        pair.client.write(b"last")
        with contextlib.suppress(ssl.SSLWantReadError):
            pair.client.unwrap()
        pair.to_server()
        assert (pair.upper.received, pair.upper.events, pair.upper.error) == (b"last", ["eof", "lost"], None)

    run(body)


def test_an_end_without_close_notify_is_an_error(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands()
        assert not pair.layer.eof_received()
        pair.raw.close()
        assert pair.upper.events == ["lost"]
        assert isinstance(pair.upper.error, ConnectionResetError)

    run(body)


def test_close_says_so_and_abort_does_not(run: Run) -> None:
    def closed(pair: Pair) -> None:
        pair.shake_hands()
        pair.layer.write(b"bye")
        pair.layer.close()
        pair.to_client()
        assert pair.client.read(10) == b"bye"
        assert pair.client.read(10) == b""  # close_notify

    def aborted(pair: Pair) -> None:
        pair.shake_hands()
        pair.read()
        pair.layer.abort()
        assert pair.raw.written == b"" and pair.raw.closed
        pair.layer.write(b"nothing")
        assert pair.raw.written == b""

    run(closed)
    run(aborted)


def test_reading_goes_on_after_write_eof(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands()
        pair.layer.write_eof()
        pair.layer.write(b"too late")
        pair.client.write(b"still here")
        pair.to_server()
        assert pair.upper.received == b"still here"
        pair.to_client()
        assert pair.client.read(10) == b""

    run(body)


def test_pressure_is_passed_through(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.layer.pause_writing()
        pair.shake_hands()
        pair.layer.pause_writing()
        pair.layer.resume_writing()
        assert pair.upper.events == ["pause", "resume"]
        pair.layer.pause_reading()
        assert not pair.raw.reading
        pair.layer.resume_reading()
        assert pair.raw.reading

    run(body)


def test_a_damaged_record_breaks_the_connection(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands()
        pair.client.write(b"x" * 100)
        data = bytearray(pair.outgoing.read())
        data[-1] ^= 1
        pair.layer.data_received(bytes(data))
        assert pair.upper.received == b"" and pair.raw.closed
        assert pair.upper.events == ["lost"] and pair.upper.error is not None

    run(body)


@pytest.mark.parametrize(
    ("noise", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not_tls"),
        (b"\x16\x03\x01\xff\xff" + b"x" * 10, "not_tls"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "protocol"),
        (b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", "oversized"),
        ((b"\x16\x03\x01\x40\x00" + b"\x01\x00\x3f\xff" + b"\0" * 16380) + b"\x16\x03\x01\x00\x01", "oversized"),
    ],
)
def test_noise(run: Run, noise: bytes, reason: str) -> None:
    def body(pair: Pair) -> None:
        pair.layer.data_received(noise)
        assert pair.owner.failure == reason and pair.raw.closed
        pair.layer.data_received(b"more")

    run(body)


def test_too_many_bytes_before_the_handshake_is_complete(run: Run) -> None:
    def body(pair: Pair) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            pair.client.do_handshake()
        pair.to_server()
        # Whole records that OpenSSL may pass over: change_cipher_spec, at most one of which is allowed; then whatever it says, it ends.
        for _ in range(30000):
            if pair.raw.closed:
                break
            pair.layer.data_received(b"\x14\x03\x03\x00\x01\x01")
        assert pair.raw.closed and pair.owner.failure in ("protocol", "oversized")

    run(body)


def test_a_connection_that_is_not_wanted(run: Run) -> None:
    def body(pair: Pair) -> None:
        owner = Owner()
        owner.accept = False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        layer = TlsLayer.server(owner, DeadlineWheel(), 15.0, ContextChoice([TlsContext(context, True, "t", [], [], 0.0, None)]))
        raw = BufferTransport(lambda data: None, lambda: layer.connection_lost(None))
        layer.connection_made(raw)
        assert raw.closed and not owner.failure

    run(body)


def test_a_connection_that_is_gone_keeps_nothing_of_openssl(run: Run) -> None:
    def body(pair: Pair) -> None:
        pair.shake_hands()
        session = pair.layer.get_extra_info("ssl_object")
        assert isinstance(session, ssl.SSLObject)
        gone = weakref.ref(session)
        del session
        pair.layer.abort()  # the transport of the test tells connection_lost at once
        assert gone() is None
        pair.layer.data_received(b"late")
        pair.layer.write(b"late")
        pair.layer.close()
        assert pair.layer.get_extra_info("ssl_object") is None

    run(body)


def test_a_flood_of_key_updates_from_a_peer_that_reads_nothing(tmp_path: Path) -> None:
    """Python cannot ask for a new key, so the records are made here (RFC 8446 sections 4.6.3, 5.2 and 7.2)."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    server.num_tickets = 0
    client.keylog_filename = str(tmp_path / "keys")

    async def main() -> None:
        pair = Pair(server, client)
        pair.shake_hands()
        name, _, digits = next(line for line in (tmp_path / "keys").read_text().splitlines() if "CLIENT_TRAFFIC" in line).split()
        assert name == "CLIENT_TRAFFIC_SECRET_0"
        secret = bytes.fromhex(digits)
        for number in range(4):  # OpenSSL answers each when it reads the next
            record, secret = key_update(secret)
            pair.layer.data_received(record)
            assert len(pair.raw.written) == number * len(record) and not pair.raw.closed
        pair.raw.unsent = 5 * 1024 * 1024
        pair.layer.data_received(key_update(secret)[0])
        assert pair.raw.closed and pair.upper.events == ["lost"]
        assert "too many replies" in str(pair.upper.error)

    asyncio.run(main())


def key_update(secret: bytes) -> tuple[bytes, bytes]:
    """A record with the one message "new key, and give me one, too", under the first key of a secret; and the next secret."""

    def expand(label: bytes, length: int) -> bytes:
        label = b"tls13 " + label
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
        return HKDFExpand(SHA384(), length, info).derive(secret)

    plain = b"\x18\x00\x00\x01\x01" + b"\x16"
    header = b"\x17\x03\x03" + (len(plain) + 16).to_bytes(2, "big")
    return header + AESGCM(expand(b"key", 32)).encrypt(expand(b"iv", 12), plain, header), expand(b"traffic upd", 48)
