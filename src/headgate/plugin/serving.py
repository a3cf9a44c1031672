"""What a plugin's main program calls."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import NoReturn

import uvloop

from headgate.plugin.handshake import explain_by_hand, started_by_proxy
from headgate.plugin.server import PluginServer
from headgate.plugin.service import Service, function_of
from headgate.plugin.socket_place import SocketPlace
from headgate.plugin.try_once import try_once


def serve(
    service: Service,
    *,
    network: str = "unix",
    threads: int = 0,
    max_message: int = 64 * 1024 * 1024,
    max_concurrent_calls: int = 4096,
    drain_timeout: float = 10.0,
) -> NoReturn:
    """Serve a plugin until the proxy ends it. Does not return.

    Run by hand, it says what it is and exits with 1; with ``--once '<request as JSON>'`` it answers that one request.
    A program that parses its own arguments must let ``--once`` pass.

    :param service: a function from :class:`Request` to :class:`Response`, an ``async def`` of that kind, or an object with such a function
        under the name ``call``. What it raises is logged, and the caller gets the gRPC status INTERNAL
    :param network: ``unix``, a socket that only this user can reach; ``tcp``, a port of the loopback interface
    :param threads: run a plain function in so many threads. 0: in the event loop, which is the fastest as long as it never waits
    :param max_message: bytes of a request; a larger one is refused
    :param max_concurrent_calls: calls at once on one connection; more wait at the proxy
    :param drain_timeout: seconds that calls under way have to come to their end when the plugin is ended
    :raises TypeError: if the service is none of these
    """
    function = function_of(service)
    if not started_by_proxy(os.environ):
        if "--once" in sys.argv[1:-1]:
            sys.exit(try_once(function, sys.argv[sys.argv.index("--once", 1) + 1]))
        sys.stderr.write(explain_by_hand(sys.argv[0]))
        sys.exit(1)
    # A terminal's interrupt goes to all its processes; the proxy decides when its plugins end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    place = SocketPlace(network, os.environ)

    async def run() -> None:
        server = PluginServer(
            function, threads=threads, max_message=max_message, max_calls=max_concurrent_calls, drain_timeout=drain_timeout
        )
        await server.run(place)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    finally:
        place.remove()
    sys.stderr.flush()
    os._exit(0)  # a thread of the service that hangs must not keep the process
