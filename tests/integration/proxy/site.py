"""A running proxy that several tests share, each with a backend of its own behind it."""

from __future__ import annotations

from tests.integration.backends import Backend, Responder
from tests.integration.harness import Headgate, until


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
