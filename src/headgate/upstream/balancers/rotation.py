"""What the round robins share: going round a list of turns. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from random import Random

from headgate.api.stream import Stream
from headgate.config.models import ClusterConfig
from headgate.upstream.host import Host
from headgate.upstream.load_balancer import LoadBalancer


class Rotation(LoadBalancer):
    """Goes round a list of turns, from a random one on.

    :param turns: whose turn it is, one after the other; every host has one
    """

    def __init__(self, hosts: list[Host], config: ClusterConfig, source: Random | None, turns: list[Host]) -> None:
        super().__init__(hosts, config, source)
        self._turns: list[Host] = turns
        self._next: int = self.below(len(turns))

    def choose(self, stream: Stream, tried: list[Host]) -> Host | None:
        """The host whose turn it is. One that is not usable loses its turn, so the others keep their shares relative to each other."""
        turns = self._turns
        if not turns:
            return None
        index = self._next
        host = turns[index]
        index += 1
        self._next = index if index < len(turns) else 0
        if host.healthy and (not tried or host not in tried):
            return host
        return self._next_usable(tried)

    def _take(self) -> Host:
        index = self._next
        self._next = index + 1 if index + 1 < len(self._turns) else 0
        return self._turns[index]

    def _next_usable(self, tried: list[Host]) -> Host | None:
        spare: Host | None = None
        for host in self.hosts:
            if host.healthy:
                if host not in tried:
                    break
                if spare is None:
                    spare = host
        else:
            return spare
        while True:  # there is one, and it has a turn
            host = self._take()
            if host.healthy and host not in tried:
                return host
