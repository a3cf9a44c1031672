"""The two steps by which a configuration comes into force in one worker: *prepare*, which may fail and changes nothing, and *commit*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headgate.api.errors import ConfigRejected, ServerError
from headgate.server import protocol
from headgate.server.channel import Message
from headgate.server.deployment import Deployment
from headgate.server.lending import Serving, pairs, send_sockets
from headgate.server.worker_process import WorkerProcess

PREPARE_TIMEOUT: Final = 120.0
"""Seconds that a worker may take to build a configuration."""


async def prepare(worker: WorkerProcess, deployment: Deployment, in_force: bool = False) -> None:
    """Have a worker build a configuration.

    :param in_force: the proxy works with it already, and the worker is not to refuse it for a plugin that is down at present
    :raises ConfigRejected: if it refuses
    :raises ServerError: if it dies over it, or does not answer
    """
    fields: Message = {
        "generation": deployment.generation,
        "folder": str(deployment.folder),
        "programs": deployment.programs,
        "in_force": in_force,
    }
    _check(worker, await worker.call(protocol.PREPARE, fields, [deployment.config_fd], timeout=PREPARE_TIMEOUT))
    worker.prepared = deployment.generation


async def commit(worker: WorkerProcess, deployment: Deployment, serving: Serving) -> None:
    """Put what a worker has prepared in force. A worker that fails at this is killed, and then replaced like any that dies.

    :param serving: what it accepts on from then on
    """
    send_sockets(worker, serving)
    worker.serving = pairs(serving)
    try:
        _check(worker, await worker.call(protocol.COMMIT, {"generation": deployment.generation, "serve": worker.serving}))
    except (ServerError, ConfigRejected) as error:
        worker.kill(f"it failed to change over: {error}")
    else:
        worker.generation = deployment.generation


def abort(worker: WorkerProcess, deployment: Deployment) -> None:
    """Have a worker drop what it prepared, or is preparing."""
    worker.post(protocol.ABORT, {"generation": deployment.generation})


def worst_of(failures: Sequence[BaseException]) -> BaseException:
    """What to report of several workers' failures: all findings, each once; or else the first of what else went wrong."""
    for failure in failures:
        if not isinstance(failure, ConfigRejected | ServerError):
            return failure
    rejections = [failure for failure in failures if isinstance(failure, ConfigRejected)]
    return protocol.unique_findings(rejections) if rejections else failures[0]


def _check(worker: WorkerProcess, answer: Message) -> None:
    if answer.get("ok"):
        return
    if "errors" in answer:
        raise protocol.findings_from_wire(answer["errors"])
    raise ServerError(f"worker {worker.slot} (pid {worker.pid}): {answer.get('error')}")
