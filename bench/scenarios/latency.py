"""The tail: p99 at half of Headgate's own capacity, beside nginx at the same rate."""

from __future__ import annotations

from bench.load import Load, run_h2load
from bench.peers.headgate import Headgate
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.report import Finding, Report
from bench.rounds import Bench, Options, alternate, p99_of, rate_of, say

OWN = "headgate"
NGINX = "nginx"
TARGET = 2.0


def run(bench: Bench) -> Report:
    """Find the capacity first, then compare at half of it."""
    say("  capacity:")
    short = Bench(bench.machine, bench.folder, Options(3, bench.options.seconds))
    capacity = alternate(short, [Headgate(OWN, "Headgate compiled")]).median(OWN, rate_of)
    rate = capacity / 2

    def at_rate(peer: Peer) -> Load:
        return run_h2load(peer.port, bench.machine.load_core, bench.options.seconds, rate, bench.folder)

    say(f"  at {rate:,.0f} requests/s:")
    peers: list[Peer] = [Nginx(), Headgate(OWN, "Headgate compiled")]
    samples = alternate(bench, peers, load=at_rate)
    ratio = samples.ratio(OWN, NGINX, p99_of)
    report = Report(
        "latency", [Finding("p99 at 50 % of own capacity", "nginx at the same rate", f"<= {TARGET} x", f"{ratio:.2f} x", ratio <= TARGET)]
    )
    report.details = [
        ("proxy", "requests/s", "p50 ms", "p99 ms, median", "p99 ms, smallest - largest"),
        *(
            (
                peer.label,
                f"{samples.median(peer.key, rate_of):,.0f}",
                f"{samples.median(peer.key, lambda sample: sample.p50):.2f}",
                f"{samples.median(peer.key, p99_of):.2f}",
                "{:.2f} - {:.2f}".format(*_range([sample.p99 for sample in samples.by_key[peer.key]])),
            )
            for peer in peers
        ),
    ]
    report.notes.append(
        f"Capacity of Headgate in this run: {capacity:,.0f} requests/s. h2load wakes every 10 ms to send what is due, so requests come in "
        "bursts, the same for both."
    )
    report.raw = {"capacity": capacity, "samples": samples.as_json()}
    return report


def _range(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)
