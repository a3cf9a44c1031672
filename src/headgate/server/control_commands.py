"""What a running proxy does for ``headgate stop``, ``reload`` and ``status``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import headgate
from headgate.api.errors import ConfigRejected, ServerError
from headgate.server.channel import Message
from headgate.server.control_socket import Command

if TYPE_CHECKING:
    from headgate.server.supervisor import Supervisor


class ControlCommands:
    """The commands of one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def by_name(self) -> Mapping[str, Command]:
        """Every command."""
        return {"status": self.status, "reload": self.reload, "stop": self.stop, "reopen": self.reopen}

    async def status(self, request: Message) -> Message:
        """Where the proxy is to be found, and how it is."""
        supervisor = self._supervisor
        return {
            **supervisor.facts(),
            "version": headgate.__version__,
            "state": supervisor.stats.state,
            "ready": supervisor.ready(),
            "uptime": round(time.time() - supervisor.started_at, 1),
            "generation": supervisor.pool.deployment.generation,
            "reloads": supervisor.stats.reloads,
            "reload_failures": supervisor.stats.reload_failures,
            "last_reload": supervisor.last_reload,
            "worker_deaths": supervisor.stats.worker_deaths,
            "workers": supervisor.pool.describe(),
            "plugins": supervisor.plugins.describe(),
        }

    async def reload(self, request: Message) -> Message:
        """Read the configuration again; answers when it is in force or has been refused."""
        try:
            candidate = await self._supervisor.reload()
        except ConfigRejected as rejected:
            raise ServerError(str(rejected)) from None
        return {
            "generation": candidate.deployment.generation,
            "warnings": [warning.render() for warning in candidate.warnings],
            "listeners": candidate.deployment.sockets.addresses(),
        }

    async def stop(self, request: Message) -> Message:
        """Begin to stop; the end of the connection is the end of the process. ``now``: without waiting for what is under way."""
        self._supervisor.stop_request.ask(at_once=bool(request.get("now")))
        return {"graceful_timeout": self._supervisor.pool.deployment.graceful_timeout}

    async def reopen(self, request: Message) -> Message:
        """Open the log files again, after a rotation."""
        self._supervisor.reopen_logs()
        return {}
