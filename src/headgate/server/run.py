"""From a command line to a running proxy, and to its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from headgate.api.errors import ServerError
from headgate.observe.log import configure_logging
from headgate.server.channel import Message
from headgate.server.control_commands import ControlCommands
from headgate.server.control_socket import ControlServer, bind_control_socket
from headgate.server.deployment import StartSettings, load_config
from headgate.server.reload import make_candidate
from headgate.server.run_directory import default_control_socket
from headgate.server.sockets import SocketSet
from headgate.server.stopping import StopRequest
from headgate.server.supervisor import Supervisor


class Companion:
    """Something that lives as long as the proxy, in the supervisor's process. Subclass it and override what is needed."""

    async def start(self) -> None:
        """Before the proxy starts.

        :raises ServerError: if it cannot; the proxy does not start then
        """

    def running(self, facts: Message) -> None:
        """The proxy runs.

        :param facts: as in the ready file
        """

    async def stop(self) -> None:
        """After the proxy has ended."""


def run(settings: StartSettings, companion: Companion | None = None) -> int:
    """Run a proxy until it is told to end.

    :returns: the exit code
    :raises ConfigRejected: if the configuration is refused
    :raises ServerError: if the proxy cannot start
    """
    return asyncio.run(_run(settings, companion or Companion()))


async def _run(settings: StartSettings, companion: Companion) -> int:
    stop_request = StopRequest()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop_request.ask)
    loop.add_signal_handler(signal.SIGINT, stop_request.interrupt)
    loop.add_signal_handler(signal.SIGQUIT, stop_request.ask, True, 131)
    await companion.start()
    try:
        supervisor, control = await _prepare(settings, stop_request)
        try:
            await _live(supervisor, control, companion)
        finally:
            control.stop()
    finally:
        await companion.stop()
    return stop_request.exit_code


async def _prepare(settings: StartSettings, stop_request: StopRequest) -> tuple[Supervisor, ControlServer]:
    """Everything that can fail because of the configuration or of the machine, before the first worker is started."""
    loaded = await asyncio.to_thread(load_config, settings)
    server = loaded.config.servers[0]
    control_path = Path(loaded.config.control_socket or default_control_socket(settings.config_path))
    control_socket = bind_control_socket(control_path)
    try:
        configure_logging(server.default_log_path, server.default_log_level, server.log_format)
        candidate = make_candidate(loaded, 1, SocketSet({}), None)
    except BaseException:
        control_socket.close()
        control_path.unlink(missing_ok=True)
        raise
    supervisor = Supervisor(settings, candidate, control_path, stop_request)
    return supervisor, ControlServer(control_path, control_socket, ControlCommands(supervisor).by_name())


async def _live(supervisor: Supervisor, control: ControlServer, companion: Companion) -> None:
    loop = asyncio.get_running_loop()
    stop_request = supervisor.stop_request
    loop.add_signal_handler(signal.SIGHUP, supervisor.reload_on_signal)
    loop.add_signal_handler(signal.SIGUSR1, supervisor.reopen_logs)
    await control.start()
    starting = asyncio.create_task(supervisor.start())
    asked = asyncio.create_task(stop_request.asked.wait())
    await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await starting
        await supervisor.clean_up()
        return
    asked.cancel()
    try:
        starting.result()
    except BaseException:
        await supervisor.clean_up()
        raise
    companion.running(supervisor.facts())
    await stop_request.asked.wait()
    await supervisor.stop(at_once=stop_request.at_once.is_set())


__all__ = ["Companion", "ServerError", "run"]
