"""A filter host: ``python -m headgate.runtimes.process.filter_host``, the process of an entry with ``isolation: process``.

Started by the supervisor as a plugin is. It loads the configuration's extensions as a worker does, finds the same registration, says on
its first line where it listens, and serves the workers. The filter's configuration comes from them over the socket, not on the command
line and not in the environment, where more could read it. It ends when it is told to, and with the supervisor (parent-death signal).
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import uvloop

import headgate.proxy.runtime
import headgate.runtimes.builtin  # noqa: F401
from headgate.api.errors import HeadgateError
from headgate.api.registry import Registration
from headgate.api.stream_filter import STREAM_FILTERS, StreamFilterFactory
from headgate.runtimes.module.loader import load_extensions
from headgate.runtimes.process.filter_host_connection import WorkerConnection
from headgate.runtimes.process.filter_host_entry import HostedFactory
from headgate.runtimes.process.isolation import SETTINGS
from headgate.runtimes.process.isolation_messages import PROTOCOL, Hello

_LOG: Final = logging.getLogger("headgate.isolation")


class FilterHost:
    """The filter's factory, and the socket on which workers ask for it."""

    def __init__(self, registration: Registration[StreamFilterFactory], name: str) -> None:
        self._registration = registration
        self._name = name
        self._factories: dict[tuple[str, int], HostedFactory] = {}

    async def serve(self, path: str) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        server = await loop.create_unix_server(lambda: WorkerConnection(self._registration, self._factory_of), path)
        os.chmod(path, 0o600)
        print(f"1|1|unix|{path}|{PROTOCOL}", flush=True)
        await ended.wait()
        server.close()
        for factory in self._factories.values():
            try:
                factory.close()
            except Exception:
                _LOG.exception("a stream filter factory failed in close()")

    def _factory_of(self, hello: Hello) -> HostedFactory:
        key = (hello.entry, hello.max_body)
        factory = self._factories.get(key)
        if factory is None:
            factory = self._factories[key] = HostedFactory(self._registration, self._name, hello.entry, hello.max_body)
        return factory


def main() -> None:
    """The process."""
    faulthandler.enable()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    settings = os.environ.get(SETTINGS, "")
    if not settings:
        sys.exit("This is a part of Headgate, which starts it for a filter with `isolation: process`; it does nothing by itself.")
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    told = json.loads(settings)
    try:
        scope = load_extensions([str(spec) for spec in told["extensions"]])
        registration = STREAM_FILTERS.find(str(told["type"]), "type", scope)
    except HeadgateError as error:
        sys.exit(f"filter {told['name']}: {error}")
    directory = os.environ.get("HEADGATE_PLUGIN_SOCKET_DIR") or tempfile.mkdtemp(prefix="headgate-filter-")
    host = FilterHost(registration, str(told["name"]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(host.serve(str(Path(directory, f"filter-{os.getpid()}"))))


if __name__ == "__main__":
    main()
