"""Who accepts on which sockets."""

from __future__ import annotations

from collections.abc import Collection

from headgate.config.addresses import SocketAddress
from headgate.server.lending import assign
from headgate.server.sockets import ListenerSockets, ListenSocket, ListenSpec, SocketSet


class FakeSocket(ListenSocket):
    """A socket that is none."""

    def __init__(self, label: str) -> None:
        self.id = 0
        self.label = label


def sockets(slots: int) -> SocketSet:
    tcp = ListenSpec("tcp", SocketAddress("127.0.0.1", 1, ""), "")
    unix = ListenSpec("unix", SocketAddress("", 0, "/s"), "")
    return SocketSet(
        {
            "tcp": ListenerSockets(tcp, [FakeSocket(f"tcp{slot}") for slot in range(slots)], "127.0.0.1:1"),
            "unix": ListenerSockets(unix, [FakeSocket("unix")], "/s"),
        }
    )


def assigned(slots: int, serving: Collection[int]) -> dict[int, list[str]]:
    result = assign(sockets(slots), slots, serving)
    return {slot: [sock.label for sock, _ in pairs if isinstance(sock, FakeSocket)] for slot, pairs in result.items()}


def test_each_has_its_own() -> None:
    assert assigned(2, [0, 1]) == {0: ["tcp0", "unix"], 1: ["tcp1", "unix"]}


def test_those_of_the_dead_are_lent_and_spread() -> None:
    assert assigned(4, [1, 3]) == {1: ["tcp1", "unix", "tcp0"], 3: ["tcp3", "unix", "tcp2"]}


def test_every_socket_is_served_by_exactly_one() -> None:
    for serving in ([0], [0, 1], [1, 2, 3], [0, 1, 2, 3]):
        served = [label for labels in assigned(4, serving).values() for label in labels if label != "unix"]
        assert sorted(served) == ["tcp0", "tcp1", "tcp2", "tcp3"]


def test_nobody_is_there() -> None:
    assert assigned(2, []) == {}


def test_a_worker_beyond_the_number_of_slots_gets_none() -> None:
    assert assigned(1, [0, 1]) == {0: ["tcp0", "unix"]}
