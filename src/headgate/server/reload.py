"""A new configuration while traffic flows: everything is built beside what is in force, and only then does anything change.

1. read and check the file;
2. open the sockets of listeners that are new, and begin to start the plugins that are;
3. start the workers that are new, have every worker *prepare*, and wait until every plugin has come up;
4. if all have: *commit* in all, let go of the sockets that are no longer used. If one refuses or dies over it: *abort* in all, and
   everything is as it was.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected, ServerError
from headgate.config import LoadedConfig
from headgate.config.models import AdminConfig
from headgate.server.deployment import ADMIN_PATH, Deployment, StartSettings, admin_address, listen_specs, load_config, worker_count
from headgate.server.plugin_rollout import PluginRollout
from headgate.server.rollout import abort, prepare, worst_of
from headgate.server.sockets import SocketSet, bind_admin, open_sockets
from headgate.server.worker_pool import WorkerPool
from headgate.server.worker_slot import WorkerSlot

_LOG: Final = logging.getLogger("headgate.server")


@dataclass
class Candidate:
    """A configuration whose sockets are open, and that is not in force yet.

    :ivar admin_socket: socket for the admin server if its address changes, else None
    """

    deployment: Deployment
    warnings: Sequence[ConfigError]
    admin_socket: socket.socket | None

    def discard(self, present: SocketSet) -> None:
        """Let go of everything that the present configuration does not use."""
        self.deployment.sockets.close_unused_by(present)
        self.deployment.close()
        if self.admin_socket is not None:
            self.admin_socket.close()


def make_candidate(loaded: LoadedConfig, generation: int, present: SocketSet, present_admin: AdminConfig | None) -> Candidate:
    """Open the sockets that a configuration asks for.

    :param generation: its number
    :param present: the sockets of the configuration in force
    :param present_admin: the admin server of the configuration in force
    :raises ConfigRejected: for an address that cannot be listened on; nothing is left open then
    """
    config = loaded.config
    specs = listen_specs(config)
    address = admin_address(config.admin)
    admin_socket = None
    try:
        if address is not None and address != admin_address(present_admin):
            admin_socket = bind_admin(address, ADMIN_PATH)
        sockets = open_sockets(specs, worker_count(config), present)
    except ConfigError as error:
        if admin_socket is not None:
            admin_socket.close()
        raise ConfigRejected([error]) from None
    folder = loaded.source_path.parent if loaded.source_path is not None else Path.cwd()
    return Candidate(Deployment(generation, config, sockets, folder), loaded.warnings, admin_socket)


async def put_in_force(pool: WorkerPool, candidate: Candidate) -> None:
    """Steps 3 and 4 for a pool that serves. The former configuration's resources are the caller's to let go of.

    :raises ConfigRejected: if a worker refuses; nothing has changed then
    :raises ServerError: if a worker dies over it or does not answer; nothing has changed then
    """
    deployment = candidate.deployment
    workers = [worker for worker in pool.serving() if worker.slot < deployment.slots]
    new_slots = [WorkerSlot(index) for index in range(deployment.slots) if index not in pool.slots]
    steps: list[Coroutine[None, None, None]] = [prepare(worker, deployment) for worker in workers]
    results = await asyncio.gather(*steps, pool.launch(new_slots, deployment), return_exceptions=True)
    failures = [result for result in results if result is not None]
    if not failures:
        try:
            await pool.about_to_commit(deployment)
        except (ConfigRejected, ServerError) as error:
            failures.append(error)
    if failures:
        for worker in workers:
            abort(worker, deployment)
        await pool.discard(new_slots)
        raise worst_of(failures)
    pool.fill(new_slots)
    await pool.commit_all(deployment)


class Reloader:
    """Carries out reloads, one after the other.

    :param changed: called with the candidate and the former configuration once the new one is in force
    """

    def __init__(
        self,
        settings: StartSettings,
        pool: WorkerPool,
        plugins: PluginRollout,
        changed: Callable[[Candidate, Deployment], Coroutine[None, None, None]],
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._plugins = plugins
        self._changed = changed
        self._lock = asyncio.Lock()
        self._last_generation = pool.deployment.generation

    async def reload(self) -> Candidate:
        """Read the configuration file again and put it in force.

        :returns: what is in force now
        :raises ConfigRejected: with every finding; nothing has changed then
        :raises ServerError: if the workers could not do it; nothing has changed then
        """
        async with self._lock:
            former = self._pool.deployment
            self._last_generation += 1
            loaded = await asyncio.to_thread(load_config, self._settings)
            candidate = make_candidate(loaded, self._last_generation, former.sockets, former.config.admin)
            try:
                self._plugins.prepare(candidate.deployment)
                await put_in_force(self._pool, candidate)
            except (ConfigRejected, ServerError):
                candidate.discard(former.sockets)
                await self._plugins.abort(candidate.deployment)
                raise
            self._plugins.commit(candidate.deployment)
            former.close()
            await self._changed(candidate, former)
            return candidate
