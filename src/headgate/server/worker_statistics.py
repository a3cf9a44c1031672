"""The statistics of all workers, added up; those of workers that are gone stay in the sums, so that no counter falls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, cast

from headgate.api.errors import ServerError
from headgate.config.models import HeadgateConfig
from headgate.observe.aggregate import StatsAggregate
from headgate.observe.stats import MetricGroup
from headgate.server import protocol
from headgate.server.channel import Message
from headgate.server.worker_process import WorkerProcess

SMALL: Final = 100
"""Groups; fewer of them cost a worker next to nothing to hand over."""

COLLECT_TIMEOUT: Final = 2.0
"""Seconds that a worker may take to hand over its statistics; its last ones count otherwise."""

_LOG: Final = logging.getLogger("headgate.server")


class WorkerStatistics:
    """The last statistics of every worker."""

    def __init__(self) -> None:
        self._aggregate = StatsAggregate()
        self._largest = 0

    async def collect(self, workers: Sequence[WorkerProcess]) -> None:
        """Ask all workers for their present statistics."""
        await asyncio.gather(*(self._ask(worker) for worker in workers))

    async def _ask(self, worker: WorkerProcess) -> None:
        try:
            self.take(worker, await worker.call(protocol.STATS, timeout=COLLECT_TIMEOUT))
        except ServerError as error:
            _LOG.debug("no statistics: %s", error)

    def cheap(self) -> bool:
        """The workers have little to tell, so they may be asked often."""
        return self._largest < SMALL

    def take(self, worker: WorkerProcess, answer: Message) -> None:
        """Note the statistics that an answer carries."""
        groups = answer.get("groups")
        if isinstance(groups, list) and not worker.forgotten:
            self._largest = len(groups)
            self._aggregate.update(worker.pid, cast(list[MetricGroup], groups))

    def worker_died(self, worker: WorkerProcess) -> None:
        """Keep what the worker had counted when it last told."""
        worker.forgotten = True
        self._aggregate.worker_died(worker.pid)

    def retain(self, config: HeadgateConfig, plugins: set[str]) -> None:
        """After a reload: forget what dead workers had counted for what is configured no longer.

        :param plugins: names of the plugins that remain
        """
        self._aggregate.retain(
            {listener.name for listener in config.servers[0].listeners},
            {cluster.name for cluster in config.cluster_manager.clusters},
            plugins,
        )

    def total(self) -> list[MetricGroup]:
        """The sum over all workers, dead and alive."""
        return self._aggregate.total()
