"""A plain proxy that the tests of one module share: starting one for each test would take longer than all else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.integration.backends import Backend, Responder
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until


class Site:
    """A proxy with the default configuration, and for each test a backend of its own behind it, always on the same port."""

    def __init__(self, proxy: Headgate, port: int) -> None:
        self.proxy = proxy
        self._port = port
        self._backends: list[Backend] = []

    def serve(self, responder: Responder | None = None) -> Backend:
        """Start the backend."""
        started = Backend(responder, ("127.0.0.1", self._port))
        self._backends.append(started)
        return started

    def close(self) -> None:
        """End the backend, and wait until the proxy has put away its connections to it."""
        while self._backends:
            self._backends.pop().stop()
        until(lambda: self.proxy.metric("upstream_connection_active") == 0, "the proxy has closed its connections to the backend")


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The module's site; tests use ``site``."""
    factory = HeadgateFactory(tmp_path_factory.mktemp("shared"))
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    yield Site(factory(simple_config(f"127.0.0.1:{port}")), port)
    factory.close()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The module's proxy with a backend of this test."""
    yield shared_site
    shared_site.close()
