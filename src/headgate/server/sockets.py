"""The listening sockets of the supervisor.

TCP: each listener has one ``SO_REUSEPORT`` socket for each worker slot, so that the kernel spreads connections over the workers and no
two workers wake for one connection. ``SO_REUSEPORT`` alone would let a second proxy of the same user share the port unnoticed; so a new
address is first bound without it, which fails if anybody else is there. A Unix socket is one socket that all workers share.

A :class:`SocketSet` belongs to one configuration. The set of a candidate takes over the sockets of the present one where the address is the
same, so that a reload never closes a port that stays; then one of the two sets is let go, and what the other does not use is closed.
A socket of a new worker slot on an address that is served already is bound but does not listen before its worker is ready: it would
otherwise be given connections that nobody accepts yet. When the set comes into force, :meth:`SocketSet.take_connections` has the kernel
give connections to its sockets only, so that those of worker slots that are gone can be closed without a client's noticing.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headgate.api.errors import ConfigError
from headgate.config.addresses import SocketAddress
from headgate.server.reuseport import choose_among_first

BACKLOG: Final = 4096
"""Connections that may wait to be accepted, on each socket."""

LISTENER_MODE: Final = 0o660
"""Permissions of a listener's Unix socket."""

EVERY_ADDRESS: Final = "0.0.0.0"
"""What an address without a host means."""

_ids = itertools.count(1)


@dataclass(frozen=True)
class ListenSpec:
    """A listener as the sockets see it.

    :ivar name: name of the listener, unique
    :ivar address: where it listens
    :ivar config_path: where the address stands in the configuration, for messages
    """

    name: str
    address: SocketAddress
    config_path: str


class ListenSocket:
    """One socket, known to workers by a number that is never used again."""

    def __init__(self, sock: socket.socket) -> None:
        self.id = next(_ids)
        self.sock = sock

    def fileno(self) -> int:
        """Its descriptor in this process."""
        return self.sock.fileno()


class ListenerSockets:
    """All sockets of one address: one for each worker slot, or a single shared one.

    :ivar bound: the real address, with the port that the kernel chose
    """

    def __init__(self, spec: ListenSpec, sockets: list[ListenSocket], bound: str) -> None:
        self.spec = spec
        self.sockets = sockets
        self.bound = bound

    @property
    def shared(self) -> bool:
        """All workers accept on the same socket."""
        return bool(self.spec.address.path)

    def of_slot(self, slot: int) -> ListenSocket:
        """The socket on which the worker in a slot accepts."""
        return self.sockets[0] if self.shared else self.sockets[slot]


class SocketSet:
    """The listening sockets of one configuration.

    :ivar listeners: by name of the listener
    """

    def __init__(self, listeners: dict[str, ListenerSockets]) -> None:
        self.listeners = listeners

    def addresses(self) -> dict[str, str]:
        """The real address of each listener."""
        return {name: sockets.bound for name, sockets in self.listeners.items()}

    def serve_list(self, slot: int) -> list[tuple[ListenSocket, str]]:
        """What the worker in a slot accepts on: sockets and the listeners to which they belong."""
        return [(sockets.of_slot(slot), name) for name, sockets in self.listeners.items()]

    def lendable(self, slot: int) -> list[tuple[ListenSocket, str]]:
        """The sockets that nobody serves when the worker in that slot is gone; shared ones are served by the others anyway."""
        return [(sockets.of_slot(slot), name) for name, sockets in self.listeners.items() if not sockets.shared]

    def take_connections(self) -> None:
        """Have every socket listen, in the order of the worker slots, and no other socket of these addresses get new connections."""
        for sockets in self.listeners.values():
            if not sockets.shared:
                for sock in sockets.sockets:
                    sock.sock.listen(BACKLOG)
                choose_among_first(sockets.sockets[0].sock, len(sockets.sockets))

    def close_unused_by(self, other: SocketSet) -> None:
        """Close what the other set does not use; nobody may use this set afterwards. Files of closed Unix sockets are removed."""
        kept = {id(sock) for sockets in other.listeners.values() for sock in sockets.sockets}
        kept_paths = {sockets.spec.address.path for sockets in other.listeners.values()}
        for sockets in self.listeners.values():
            for sock in sockets.sockets:
                if id(sock) not in kept:
                    sock.sock.close()
            if sockets.shared and sockets.spec.address.path not in kept_paths:
                _unlink_quietly(sockets.spec.address.path)

    def close(self) -> None:
        """Close everything. Connections that wait unaccepted on a socket that a worker still has are not lost."""
        self.close_unused_by(SocketSet({}))


def open_sockets(specs: Sequence[ListenSpec], slots: int, present: SocketSet) -> SocketSet:
    """The sockets of a candidate configuration; those of ``present`` are taken over where the address stays.

    :param slots: number of workers
    :raises ConfigError: for the first address that cannot be listened on; nothing stays open then
    """
    result: dict[str, ListenerSockets] = {}
    unclaimed = dict(present.listeners)
    for spec in specs:
        kept = _claim(spec, unclaimed)
        try:
            result[spec.name] = _extend(spec, kept, slots) if kept is not None else _open(spec, slots, present)
        except OSError as error:
            SocketSet(result).close_unused_by(present)
            raise listen_error(error, spec.address, spec.config_path) from None
    return SocketSet(result)


def _claim(spec: ListenSpec, unclaimed: dict[str, ListenerSockets]) -> ListenerSockets | None:
    """The present sockets of this address: under the same name, or under another if the listener was renamed."""
    same_name = unclaimed.get(spec.name)
    if same_name is not None and same_name.spec.address == spec.address:
        return unclaimed.pop(spec.name)
    bound = address_text(spec.address, spec.address.port)
    for name, sockets in unclaimed.items():
        if sockets.bound == bound:
            return unclaimed.pop(name)
    return None


def _extend(spec: ListenSpec, kept: ListenerSockets, slots: int) -> ListenerSockets:
    sockets = list(kept.sockets)
    if kept.shared:
        return ListenerSockets(spec, sockets, kept.bound)
    port = int(kept.bound.rpartition(":")[2])
    added: list[ListenSocket] = []
    try:
        for _ in range(slots - len(sockets)):
            added.append(ListenSocket(_bind_tcp(spec.address, port, reuse_port=True)))  # noqa: PERF401 - what was opened before a failure is closed
    except OSError:
        for sock in added:
            sock.sock.close()
        raise
    return ListenerSockets(spec, (sockets + added)[:slots], kept.bound)


def _open(spec: ListenSpec, slots: int, present: SocketSet) -> ListenerSockets:
    address = spec.address
    if address.path:
        sock = bind_unix(address.path, LISTENER_MODE)
        return ListenerSockets(spec, [ListenSocket(sock)], address.path)
    if address.port != 0 and not _own_port(address.port, present):
        _bind_tcp(address, address.port, reuse_port=False).close()
    sockets: list[ListenSocket] = []
    port = address.port
    try:
        for _ in range(slots):
            sock = _bind_tcp(address, port, reuse_port=True)
            sockets.append(ListenSocket(sock))
            port = sock.getsockname()[1]
            sock.listen(BACKLOG)
    except OSError:
        for opened in sockets:
            opened.sock.close()
        raise
    return ListenerSockets(spec, sockets, address_text(address, port))


def _own_port(port: int, present: SocketSet) -> bool:
    """A socket of ours has the port on another address (0.0.0.0 and 127.0.0.1): binding it exclusively would fail because of us."""
    return any(not sockets.shared and sockets.bound.endswith(f":{port}") for sockets in present.listeners.values())


def _bind_tcp(address: SocketAddress, port: int, reuse_port: bool) -> socket.socket:
    ipv6 = ":" in address.host
    sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host or EVERY_ADDRESS, port))
    except OSError:
        sock.close()
        raise
    return sock


def address_text(address: SocketAddress, port: int) -> str:
    """An address as text.

    :param port: in place of the address's own, which may have been left to the kernel
    """
    if address.path:
        return address.path
    host = address.host or EVERY_ADDRESS
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind_admin(address: SocketAddress, config_path: str) -> socket.socket:
    """A listening TCP socket of the supervisor's own.

    :raises ConfigError: if the address cannot be listened on
    """
    try:
        sock = _bind_tcp(address, address.port, reuse_port=False)
        sock.listen(BACKLOG)
    except OSError as error:
        raise listen_error(error, address, config_path) from None
    return sock


def bind_unix(path: str, mode: int) -> socket.socket:
    """A listening Unix socket with the given permissions. A file left behind by a process that is gone is replaced.

    :raises OSError: ``EADDRINUSE`` if somebody answers there, or if the path is a file of another kind
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o777 & ~mode)
    try:
        sock.setblocking(False)
        sock.bind(path)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(previous)
    return sock


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EADDRINUSE, "the path is taken by a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            _unlink_quietly(path)
            return
    raise OSError(errno.EADDRINUSE, "another process answers on this socket")


def _unlink_quietly(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def listen_error(error: OSError, address: SocketAddress, config_path: str) -> ConfigError:
    """What to tell the operator about an address that cannot be listened on."""
    shown = address_text(address, address.port)
    if error.errno == errno.EADDRINUSE and not address.path:
        message = f"{shown}: port already in use by another process"
        return ConfigError(config_path, message, f"ss -ltnp 'sport = :{address.port}' shows which")
    if error.errno == errno.EADDRINUSE:
        return ConfigError(config_path, f"{shown}: already in use", error.strerror or "")
    if error.errno in (errno.EACCES, errno.EPERM) and not address.path:
        return ConfigError(config_path, f"{shown}: not permitted", "ports below 1024 need root or CAP_NET_BIND_SERVICE")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(config_path, f"{shown}: this machine has no such address")
    return ConfigError(config_path, f"{shown}: {(error.strerror or str(error)).lower()}")
