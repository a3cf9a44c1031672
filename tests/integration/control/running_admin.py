"""A running admin server before a proxy whose state a test sets, and a client of it."""

import asyncio
import http.client
import json
import socket
from collections.abc import Callable
from typing import Any

from headgate.config.models import HeadgateConfig
from headgate.control.admin.server import AdminServer
from headgate.control.admin.view import AdminView
from headgate.observe.stats import MetricGroup, ServerStats, StatsStore


class FakeView(AdminView):
    """A proxy of two log files, whose state a test sets."""

    def __init__(self) -> None:
        self.config = HeadgateConfig()
        self.store = StatsStore()
        self.current_state = 6
        self.is_ready = True
        self.log_levels = {"/var/log/headgate.log": "INFO"}
        self.enabled = {"/var/log/headgate.log": True, "/var/log/in_access.log": True}
        self.fail: Exception | None = None
        self.hang: asyncio.Event | None = None
        self.plugin_states: dict[str, tuple[bool, bool]] = {}

    def version(self) -> str:
        return "1.2.3"

    def config_dump(self) -> HeadgateConfig:
        return self.config

    async def stats(self) -> list[MetricGroup]:
        if self.fail is not None:
            raise self.fail
        if self.hang is not None:
            await self.hang.wait()
        return [*self.store.snapshot(), ServerStats().snapshot()]

    def state(self) -> int:
        return self.current_state

    def plugins(self) -> list[dict[str, object]]:
        return [{"name": name} for name in self.plugin_states]

    def plugin_names(self) -> list[str]:
        return list(self.plugin_states)

    def plugin_status(self, name: str) -> tuple[bool, bool] | None:
        return self.plugin_states.get(name)

    async def set_plugin_enabled(self, name: str, enabled: bool) -> bool:
        if name not in self.plugin_states:
            return False
        self.plugin_states[name] = (enabled, enabled)
        return True

    def pid(self) -> int:
        return 4711

    def levels(self) -> dict[str, str]:
        return self.log_levels

    async def set_level(self, path: str, level: str) -> bool:
        if path not in self.log_levels:
            return False
        self.log_levels[path] = level
        return True

    async def set_log_enabled(self, path: str, enabled: bool) -> bool:
        if path not in self.enabled:
            return False
        self.enabled[path] = enabled
        return True

    def ready(self) -> bool:
        return self.is_ready

    def workers(self) -> list[dict[str, object]]:
        return [{"slot": 0, "pid": 4712, "state": "serving", "restarts": 0}]


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.text = body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The text of a JSON error."""
        value = json.loads(self.body)
        assert list(value) == ["error"]
        return str(value["error"])


class Admin:
    """A running admin server and a client of it."""

    def __init__(self, view: FakeView, server: AdminServer, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self.view = view
        self.server = server
        self.loop = loop
        self.address: tuple[str, int] | str = sock.getsockname()

    def request(self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request over a new connection."""
        assert isinstance(self.address, tuple)
        connection = http.client.HTTPConnection(*self.address[:2], timeout=20)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, target: str, headers: dict[str, str] | None = None) -> Answer:
        return self.request("GET", target, headers=headers)

    def post(self, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return self.request("POST", target, body, headers)

    def connect(self) -> socket.socket:
        """A connection on which a test writes bytes of its own."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        client = socket.socket(family)
        client.settimeout(20)
        client.connect(self.address)
        return client

    def raw(self, data: bytes) -> bytes:
        """Send bytes, read until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)

    def stop(self) -> None:
        """Stop the server and wait for it."""
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(20)


def read_all(client: socket.socket) -> bytes:
    """What the server sends until it closes."""
    received = b""
    while part := client.recv(65536):
        received += part
    return received


StartAdmin = Callable[..., Admin]
