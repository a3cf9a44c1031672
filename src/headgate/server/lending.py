"""Who accepts on which sockets.

Each worker accepts on the sockets of its own slot. A slot whose worker is gone still has its sockets, and the kernel still gives them
their share of the connections; so they are lent to a worker that serves until the slot has one again. No connection waits in a dead queue.
"""

from __future__ import annotations

from collections.abc import Collection

from headgate.server import protocol
from headgate.server.channel import MAX_FDS
from headgate.server.sockets import ListenSocket, SocketSet
from headgate.server.worker_process import WorkerProcess

Serving = list[tuple[ListenSocket, str]]
"""Sockets, each with the listener for which it is accepted on."""


def assign(sockets: SocketSet, slots: int, serving: Collection[int]) -> dict[int, Serving]:
    """The sockets of every worker.

    :param slots: number of worker slots
    :param serving: slots whose worker serves
    :returns: by slot, for the slots that serve
    """
    assigned = {slot: sockets.serve_list(slot) for slot in sorted(serving) if slot < slots}
    lenders = list(assigned)
    if not lenders:
        return assigned
    orphans = [slot for slot in range(slots) if slot not in assigned]
    for number, orphan in enumerate(orphans):
        assigned[lenders[number % len(lenders)]].extend(sockets.lendable(orphan))
    return assigned


def pairs(serving: Serving) -> list[list[object]]:
    """What a ``commit`` or ``serve`` says: numbers of sockets and names of listeners."""
    return [[sock.id, listener] for sock, listener in serving]


def send_sockets(worker: WorkerProcess, serving: Serving) -> None:
    """Send a worker the sockets that it does not have yet: just before a ``commit`` or ``serve``, which closes what it does not name."""
    wanted = {sock.id: sock for sock, _ in serving}
    unknown = [sock for number, sock in wanted.items() if number not in worker.known_sockets]
    for first in range(0, len(unknown), MAX_FDS):
        batch = unknown[first : first + MAX_FDS]
        worker.post(protocol.SOCKETS, {"sockets": [sock.id for sock in batch]}, [sock.fileno() for sock in batch])
    worker.known_sockets = set(wanted)


def send_serve(worker: WorkerProcess, serving: Serving) -> None:
    """Have a worker accept on exactly these sockets, unless it does so already."""
    if pairs(serving) != worker.serving:
        send_sockets(worker, serving)
        worker.serving = pairs(serving)
        worker.post(protocol.SERVE, {"serve": worker.serving})
