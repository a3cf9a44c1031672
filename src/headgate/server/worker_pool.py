"""The workers: started, replaced when they die, brought to a new configuration, drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from headgate.api.errors import ConfigRejected, ServerError
from headgate.observe.server_stats import ServerStats
from headgate.server import protocol
from headgate.server.channel import Message
from headgate.server.deployment import Deployment
from headgate.server.lending import assign, send_serve
from headgate.server.rollout import commit, prepare, worst_of
from headgate.server.worker_process import WorkerProcess
from headgate.server.worker_slot import WorkerSlot
from headgate.server.worker_statistics import WorkerStatistics

EXIT_TIMEOUT: Final = 3.0
"""Seconds that a worker may take from its last answer to its end."""

HANDSHAKE_TIME: Final = 1.0
"""Seconds in which a worker that is not needed any more still accepts connections whose handshake has begun; new ones go to the others."""

_LOG: Final = logging.getLogger("headgate.server")


class WorkerPool:
    """All workers of one supervisor.

    :ivar slots: the places, by number
    :ivar deployment: the configuration in force
    :ivar on_serving: called with each worker that takes a dead one's place
    :ivar on_started: each is called with each worker before it is told to prepare anything
    :ivar on_death: called with each worker that has ended, before its place is filled again
    :ivar on_event: called with what a worker says unasked
    :ivar before_commit: awaited between the workers' having prepared their first configuration and its coming into force; what it raises
        ends the start
    """

    def __init__(self, deployment: Deployment, stats: ServerStats, statistics: WorkerStatistics) -> None:
        self.deployment = deployment
        self.slots: dict[int, WorkerSlot] = {}
        self.on_serving: Callable[[WorkerProcess], None] | None = None
        self.on_started: list[Callable[[WorkerProcess], None]] = []
        self.on_death: Callable[[WorkerProcess], None] | None = None
        self.on_event: Callable[[WorkerProcess, Message], None] | None = None
        self.before_commit: Callable[[Deployment], Coroutine[None, None, None]] | None = None
        self._removed: list[WorkerSlot] = []
        self._stopping = False
        self._stats = stats
        self._statistics = statistics
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start every worker and put the configuration in force: all of them, or none.

        :raises ConfigRejected: if a worker refuses the configuration
        :raises ServerError: if a worker cannot start
        """
        slots = [WorkerSlot(index) for index in range(self.deployment.slots)]
        await self.launch(slots, self.deployment)
        try:
            await self.about_to_commit(self.deployment)
        except BaseException:
            await self.discard(slots)
            raise
        self.fill(slots)
        await self.commit_all(self.deployment)

    async def about_to_commit(self, deployment: Deployment) -> None:
        """All workers have prepared a configuration: whatever else it needs must be there now.

        :raises ConfigRejected: if it is not
        """
        if self.before_commit is not None:
            await self.before_commit(deployment)

    async def launch(self, slots: Sequence[WorkerSlot], deployment: Deployment) -> None:
        """Start a worker for each of these places and have it prepare a configuration; if one of them fails, none is left.

        :raises ConfigRejected: if a worker refuses the configuration
        :raises ServerError: if a worker cannot start
        """
        try:
            results = await asyncio.gather(*(self._launch_one(slot, deployment) for slot in slots), return_exceptions=True)
        except asyncio.CancelledError:
            await self.discard(slots)
            raise
        failures = [result for result in results if result is not None]
        if failures:
            await self.discard(slots)
            raise worst_of(failures)

    async def _launch_one(self, slot: WorkerSlot, deployment: Deployment) -> None:
        await prepare(await self._spawn(slot), deployment)

    async def discard(self, slots: Sequence[WorkerSlot]) -> None:
        """End what was launched for places that are not filled after all."""
        workers = [worker for slot in slots for worker in slot.processes()]
        for worker in workers:
            worker.kill("it is not needed after all")
        await asyncio.gather(*(worker.exited.wait() for worker in workers))

    def fill(self, slots: Sequence[WorkerSlot]) -> None:
        """The launched workers have these places from now on, and the places are kept filled."""
        for slot in slots:
            self.slots[slot.index] = slot
            slot.worker, slot.starting = slot.starting, None
            self._run(self._keep(slot))

    async def commit_all(self, deployment: Deployment) -> None:
        """Put a configuration in force in all workers, which must have prepared it, but for those that began to serve just now: these
        are brought to it afterwards. The sockets that it does not use are closed.
        """
        former, self.deployment = self.deployment, deployment
        deployment.sockets.take_connections()
        # Ours go before the workers stop accepting on theirs: what waits then is all that they have to take up.
        former.sockets.close_unused_by(deployment.sockets)
        for index in [index for index in self.slots if index >= deployment.slots]:
            self._run(self._remove(self.slots.pop(index)))
        workers = [worker for worker in self.serving() if worker.prepared == deployment.generation]
        assigned = assign(deployment.sockets, deployment.slots, [worker.slot for worker in workers])
        await asyncio.gather(*(commit(worker, deployment, assigned[worker.slot]) for worker in workers))
        for worker in self.serving():
            if worker.generation != deployment.generation:
                self._run(self._catch_up(worker))
        self.rebalance()

    async def _catch_up(self, worker: WorkerProcess) -> None:
        try:
            await self._bring_up_to_date(worker)
        except (ServerError, ConfigRejected) as error:
            worker.kill(f"it could not take the new configuration: {error}")

    async def _bring_up_to_date(self, worker: WorkerProcess) -> None:
        """Repeat if the configuration changes once more meanwhile."""
        while worker.generation != self.deployment.generation and not worker.exited.is_set():
            deployment = self.deployment
            await prepare(worker, deployment, in_force=True)
            if deployment is self.deployment:
                present = {other.slot for other in self.serving()} | {worker.slot}
                await commit(worker, deployment, assign(deployment.sockets, deployment.slots, present).get(worker.slot, []))
        self.rebalance()

    # --- who is there

    def serving(self) -> list[WorkerProcess]:
        """The workers that serve, by slot."""
        workers = [slot.worker for slot in self.slots.values() if slot.worker is not None]
        return [worker for worker in workers if not worker.draining and not worker.exited.is_set()]

    def processes(self) -> list[WorkerProcess]:
        """All worker processes that have not ended."""
        return [worker for slot in [*self.slots.values(), *self._removed] for worker in slot.processes()]

    def describe(self) -> list[dict[str, object]]:
        """Every place, as JSON can carry it."""
        return [slot.describe() for _, slot in sorted(self.slots.items())] + [slot.describe() for slot in self._removed]

    def rebalance(self) -> None:
        """Give every serving worker its own sockets and those of the places that have no worker at present."""
        deployment = self.deployment
        serving = [worker for worker in self.serving() if worker.generation == deployment.generation]
        self._stats.workers = len(serving)
        if not self._stopping:
            assigned = assign(deployment.sockets, deployment.slots, [worker.slot for worker in serving])
            for worker in serving:
                send_serve(worker, assigned.get(worker.slot, []))

    # --- keeping the places filled

    async def _keep(self, slot: WorkerSlot) -> None:
        while slot.wanted:
            worker = slot.worker
            if worker is None:
                await self._refill(slot)
                continue
            await worker.exited.wait()
            slot.worker = None
            self._statistics.worker_died(worker)
            if self.on_death is not None:
                self.on_death(worker)
            self.rebalance()
            if slot.wanted:
                await self._after_death(slot, worker)

    async def _refill(self, slot: WorkerSlot) -> None:
        worker: WorkerProcess | None = None
        try:
            worker = await self._spawn(slot)
            await self._bring_up_to_date(worker)
        except (ServerError, ConfigRejected) as error:
            if worker is None:
                worker = slot.starting
            if worker is not None:
                worker.kill(str(error))
                await worker.exited.wait()
            slot.starting = None
            if slot.wanted:
                await self._after_death(slot, worker, str(error))
            return
        slot.worker, slot.starting = worker, None
        slot.restarts += 1
        if self.on_serving is not None:
            self.on_serving(worker)
        _LOG.info("worker %d (pid %d) serves", slot.index, worker.pid)
        self.rebalance()

    async def _spawn(self, slot: WorkerSlot) -> WorkerProcess:
        worker = slot.starting = await WorkerProcess.spawn(slot.index)
        self._stats.worker_starts += 1
        worker.on_leaving = lambda: self._run(self._replace(worker))
        worker.on_event = lambda message: self._tell_event(worker, message)
        await worker.wait_started()
        for tell in self.on_started:
            tell(worker)
        return worker

    def _tell_event(self, worker: WorkerProcess, message: Message) -> None:
        if self.on_event is not None:
            self.on_event(worker, message)

    async def _after_death(self, slot: WorkerSlot, worker: WorkerProcess | None, error: str = "") -> None:
        """Tell of a death, and wait until the place may be filled again."""
        if worker is not None and worker.draining and worker.exit_code == 0:
            return
        self._stats.worker_deaths += 1
        delay = slot.backoff.next_delay(worker.lifetime if worker is not None else 0.0)
        slot.last_death = error or (worker.describe_exit() if worker is not None else "")
        _LOG.error(
            "worker %d (pid %s) %s after %.1f s; it is replaced %s",
            slot.index,
            worker.pid if worker is not None else "-",
            slot.last_death,
            worker.lifetime if worker is not None else 0.0,
            f"in {delay:g} s ({slot.backoff.deaths} deaths in a row)" if delay else "at once",
        )
        slot.restart_at = time.monotonic() + delay
        await slot.pause(delay)
        slot.restart_at = 0.0

    async def _replace(self, worker: WorkerProcess) -> None:
        """A worker was sent SIGTERM by somebody else: it ends in order, and its place is filled again."""
        if not self._stopping and not worker.draining:
            _LOG.warning("worker %d (pid %d) was told to end by a signal", worker.slot, worker.pid)
            await self.drain(worker, self.deployment.graceful_timeout)

    async def _remove(self, slot: WorkerSlot) -> None:
        slot.dismiss()
        self._removed.append(slot)
        await asyncio.gather(*(self._retire(worker) for worker in slot.processes()))
        self._removed.remove(slot)

    async def _retire(self, worker: WorkerProcess) -> None:
        """A worker is not needed any more, and the kernel gives it nothing new."""
        worker.draining = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(worker.exited.wait(), HANDSHAKE_TIME)
        await self.drain(worker, self.deployment.graceful_timeout)

    # --- the end

    async def drain(self, worker: WorkerProcess, timeout: float) -> None:
        """Have a worker finish what is under way, and wait for its end.

        :param timeout: seconds; what is left then is cut off
        """
        worker.draining = True
        self.rebalance()
        try:
            answer = await worker.call(protocol.DRAIN, {"timeout": timeout}, timeout=timeout + 2.0)
            self._statistics.take(worker, answer)
        except ServerError as error:
            worker.kill(f"it did not end in time: {error}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(worker.exited.wait(), EXIT_TIMEOUT)
        worker.kill("it did not exit after its last answer")
        await worker.exited.wait()

    async def stop(self, timeout: float) -> None:
        """End all workers in order.

        :param timeout: seconds that requests under way get
        """
        self._stopping = True
        for slot in self.slots.values():
            slot.dismiss()
            if slot.starting is not None:
                slot.starting.kill("the proxy stops")
        await asyncio.gather(*(self.drain(worker, timeout) for worker in self.serving()))
        await self._finished()

    async def kill(self) -> None:
        """End all workers at once."""
        self._stopping = True
        for slot in self.slots.values():
            slot.dismiss()
        for worker in self.processes():
            worker.kill("the proxy stops at once")
        await self._finished()

    async def _finished(self) -> None:
        await asyncio.gather(*(worker.exited.wait() for worker in self.processes()))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stats.workers = 0

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
