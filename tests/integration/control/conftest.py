"""An admin server over real sockets, in a loop of its own thread, before a proxy whose state a test can set."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop

from headgate.config.models import AdminConfig
from headgate.control.admin.server import AdminLimits, AdminServer
from tests.integration.control.running_admin import Admin, FakeView, StartAdmin


@pytest.fixture(params=["asyncio", "uvloop"])
def start_admin(request: pytest.FixtureRequest) -> Iterator[StartAdmin]:
    """Starts admin servers on addresses that the kernel chooses; both event loops."""
    loop = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started: list[Admin] = []

    def start(limits: AdminLimits | None = None, sock: socket.socket | None = None) -> Admin:
        view = FakeView()
        if sock is None:
            sock = socket.create_server(("127.0.0.1", 0))
        server = AdminServer(AdminConfig(), view, limits=limits)
        admin = Admin(view, server, loop, sock)
        asyncio.run_coroutine_threadsafe(server.start(sock), loop).result(20)
        started.append(admin)
        return admin

    yield start
    for admin in started:
        admin.stop()
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


@pytest.fixture
def admin(start_admin: StartAdmin) -> Admin:
    return start_admin()
