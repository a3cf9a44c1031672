"""Alternating rounds: each proxy in turn under the same load, A B C A B C."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import process_tree
from bench.backend import Backend
from bench.load import Load, run_wrk
from bench.machine import Machine
from bench.peers.peer import Peer

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """How long and how often.

    :ivar rounds: rounds for each proxy
    :ivar seconds: load in each round
    """

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Bench:
    """What a scenario works with.

    :ivar machine: the machine and its cores
    :ivar folder: for everything that is written while measuring
    :ivar options: how long and how often
    """

    machine: Machine
    folder: Path
    options: Options


@dataclass(frozen=True)
class Sample:
    """One proxy in one round.

    :ivar rate: requests per second
    :ivar cpu: CPU time of the proxy's process tree per request, microseconds
    :ivar p50: median latency, milliseconds
    :ivar p99: 99th percentile of the latency, milliseconds
    """

    rate: float
    cpu: float
    p50: float
    p99: float

    def as_json(self) -> dict[str, object]:
        """For the result file."""
        return asdict(self)


class Samples:
    """All rounds of all proxies, by the proxies' keys."""

    def __init__(self) -> None:
        self.by_key: dict[str, list[Sample]] = {}

    def add(self, key: str, sample: Sample) -> None:
        """Keep one more round."""
        self.by_key.setdefault(key, []).append(sample)

    def median(self, key: str, what: Callable[[Sample], float]) -> float:
        """Median over a proxy's rounds."""
        return statistics.median(map(what, self.by_key[key]))

    def ratio(self, key: str, against: str, what: Callable[[Sample], float]) -> float:
        """Median of the ratios of two proxies in the same round: what drifts in between drops out."""
        pairs = zip(self.by_key[key], self.by_key[against], strict=True)
        return statistics.median(what(own) / what(other) for own, other in pairs)

    def difference(self, key: str, against: str, what: Callable[[Sample], float]) -> float:
        """Median of the differences of two proxies in the same round."""
        pairs = zip(self.by_key[key], self.by_key[against], strict=True)
        return statistics.median(what(own) - what(other) for own, other in pairs)

    def as_json(self) -> dict[str, object]:
        """For the result file."""
        return {key: [sample.as_json() for sample in samples] for key, samples in self.by_key.items()}


def cpu_of(sample: Sample) -> float:
    """CPU microseconds per request."""
    return sample.cpu


def rate_of(sample: Sample) -> float:
    """Requests per second."""
    return sample.rate


def p99_of(sample: Sample) -> float:
    """99th percentile of the latency in milliseconds."""
    return sample.p99


def say(text: str) -> None:
    """Progress, beside the report."""
    print(text, file=sys.stderr, flush=True)


LoadOf = Callable[[Peer], Load]


def alternate(
    bench: Bench,
    peers: Sequence[Peer],
    *,
    load: LoadOf | None = None,
    proxy_cores: Sequence[int] = (),
    load_cores: Sequence[int] = (),
) -> Samples:
    """Start a backend and all proxies, and load them in turn.

    :param load: the burst of load that is measured; default wrk at full speed
    :param proxy_cores: in place of the one core for the proxies
    :param load_cores: in place of the one core for the backend; the load generator uses the first
    :raises ServiceFailed: if one of them does not start
    :raises LoadFailed: if a request fails
    """
    on_proxy = list(proxy_cores) or [bench.machine.proxy_core]
    on_load = list(load_cores) or [bench.machine.load_core]

    def wrk(peer: Peer) -> Load:
        return run_wrk(peer.port, on_load[0], bench.options.seconds, bench.folder, tls=peer.certificate is not None)

    samples = Samples()
    backend = Backend(on_load, bench.folder)
    try:
        for peer in peers:
            peer.start(bench.folder, on_proxy, backend.port)
            run_wrk(peer.port, on_load[0], WARM_UP_SECONDS, bench.folder, tls=peer.certificate is not None)
        for number in range(1, bench.options.rounds + 1):
            for peer in peers:
                sample = measure(peer, load or wrk)
                samples.add(peer.key, sample)
                say(
                    f"  round {number}/{bench.options.rounds}  {peer.label:<44} {sample.cpu:7.1f} us  {sample.rate:8.0f}/s"
                    f"  p50 {sample.p50:.2f} ms  p99 {sample.p99:.2f} ms"
                )
    finally:
        for peer in peers:
            peer.stop()
        backend.stop()
    return samples


def measure(peer: Peer, load: LoadOf) -> Sample:
    """One burst of load on a running proxy."""
    before = sum(map(process_tree.cpu_seconds, peer.roots))
    result = load(peer)
    used = sum(map(process_tree.cpu_seconds, peer.roots)) - before
    return Sample(result.rate, used * 1e6 / result.requests, result.p50, result.p99)
