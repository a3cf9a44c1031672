"""Certificates of a CA that exists for one test, clients that speak TLS, and listeners that have it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import trustme

from tests.integration.backends import RecordedRequest, Reply
from tests.integration.harness import Headgate, Response, simple_config


class Site:
    """A folder with the files of a CA.

    :ivar folder: where they are
    :ivar authority: the CA; its certificate is ``ca.pem``
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        self.server = self.issue("server", "localhost", "127.0.0.1")

    def path(self, name: str) -> str:
        """A file's path as a configuration has it."""
        return str(self.folder / name)

    def issue(self, name: str, *names: str, authority: trustme.CA | None = None, common_name: str | None = None) -> dict[str, str]:
        """Write ``<name>.pem`` and ``<name>.key``; their keys in a ``tls_context``."""
        leaf = (authority or self.authority).issue_cert(*names, common_name=common_name)
        return self.write(name, leaf)

    def write(self, name: str, leaf: trustme.LeafCert) -> dict[str, str]:
        """Write a certificate and its key."""
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        Path(self.path(f"{name}.pem")).write_bytes(chain)
        Path(self.path(f"{name}.key")).write_bytes(leaf.private_key_pem.bytes())
        return {"cert_chain": self.path(f"{name}.pem"), "private_key": self.path(f"{name}.key")}

    def client_context(self, certificate: Mapping[str, str] | None = None) -> ssl.SSLContext:
        """A client that trusts the CA."""
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate is not None:
            context.load_cert_chain(certificate["cert_chain"], certificate["private_key"])
        return context

    def server_context(self) -> ssl.SSLContext:
        """A server with the certificate ``server``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server["cert_chain"], self.server["private_key"])
        return context


def tls_config(*hosts: str, tls: Mapping[str, object], **options: Any) -> dict[str, Any]:
    """As ``simple_config``, with a ``tls_context`` that is on."""
    config = simple_config(*hosts, **options)
    config["servers"][0]["listeners"][0]["filter_chains"][0]["tls_context"] = {"status": True, **tls}
    return config


@contextlib.contextmanager
def connect(address: tuple[str, int], context: ssl.SSLContext, name: str = "localhost") -> Iterator[ssl.SSLSocket]:
    """A TLS connection."""
    with socket.create_connection(address, timeout=20) as raw, context.wrap_socket(raw, server_hostname=name) as secured:
        yield secured


def request(
    address: tuple[str, int], context: ssl.SSLContext, name: str = "localhost", method: str = "GET", target: str = "/", **headers: str
) -> Response:
    """One request on a TLS connection of its own."""
    with connect(address, context, name) as secured:
        connection = http.client.HTTPConnection(*address)
        connection.sock = secured
        connection.request(method, target, headers={key.replace("_", "-"): value for key, value in headers.items()})
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())


def serve_tls(context: ssl.SSLContext, reply: bytes) -> Any:
    """For ``RawBackend``: answers every request on a TLS connection with the same bytes, and ends the connection without close_notify
    if they have no length."""

    def serve(raw: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(raw.dup(), server_side=True) as secured:
            while secured.recv(65536):
                secured.sendall(reply)
                if b"Content-Length" not in reply:
                    return

    return serve


def echo_headers(request: RecordedRequest) -> Reply:
    """Answers with the request's head."""
    return Reply(200, {}, request.head)


def metric(proxy: Headgate, name: str, labels: str = 'listener="listener"') -> int:
    """A counter of /metrics."""
    for line in proxy.admin_get("/metrics").body.decode().splitlines():
        if line.startswith(f"{name}{{") and labels in line:
            return int(float(line.rsplit(" ", 1)[1]))
    return 0
