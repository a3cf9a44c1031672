"""The table that most scenarios show: what a request costs in each proxy, beside one or two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.peers.peer import Peer
from bench.report import Finding
from bench.rounds import Samples, cpu_of, p99_of, rate_of


def cost_table(peers: Sequence[Peer], samples: Samples, against: Mapping[str, str], *, latencies: bool = True) -> list[Sequence[str]]:
    """Heading and one row for each proxy.

    :param against: keys of the proxies that all are compared with, and their names in the heading
    :param latencies: with p50 and p99
    """
    times = ("p50 ms", "p99 ms") if latencies else ()
    rows: list[Sequence[str]] = [("proxy", "CPU us per request", "requests/s", *times, *(f"CPU / {name}" for name in against.values()))]
    for peer in peers:
        row = [peer.label, cpu_cell(samples, peer.key), f"{samples.median(peer.key, rate_of):,.0f}"]
        if latencies:
            row += [f"{samples.median(peer.key, lambda sample: sample.p50):.2f}", f"{samples.median(peer.key, p99_of):.2f}"]
        rows.append([*row, *(f"{samples.ratio(peer.key, key, cpu_of):.2f}" for key in against)])
    return rows


def cpu_cell(samples: Samples, key: str) -> str:
    """CPU time of a request: median (smallest - largest) of the rounds."""
    cpus = [sample.cpu for sample in samples.by_key[key]]
    return f"{samples.median(key, cpu_of):.1f} ({min(cpus):.1f} - {max(cpus):.1f})"


def at_most(samples: Samples, work: str, own: str, against: str, name: str, target: float) -> Finding:
    """A finding: the CPU time of one proxy is at most so many times that of another.

    :param own: key of the one
    :param against: key of the other
    :param name: of the other, in words
    """
    value = samples.ratio(own, against, cpu_of)
    return Finding(work, f"{name}, CPU per request", f"<= {target} x", f"{value:.2f} x", value <= target)


def how_to_read(peers: Sequence[Peer]) -> str:
    """The note below the table."""
    return (
        "Versions: " + ", ".join(dict.fromkeys(peer.version() for peer in peers)) + ". "
        "CPU: user and system time of the proxy's process tree per request, median (smallest - largest) of the rounds. "
        "Ratios: median of the ratios within a round."
    )
