"""Two workers against one.

With four cores or more two are the proxy's and two the load's, and plain forwarding is measured. On a smaller machine the load would take
the second worker's core: there a filter that only uses CPU time makes the proxy's share so large that the load hardly counts, and proxy and
load share all cores. That still shows whether connections are spread and workers stay out of each other's way.
"""

from __future__ import annotations

from bench.peers.headgate import Headgate, spin
from bench.peers.peer import Peer
from bench.report import Finding, Report
from bench.rounds import Bench, alternate, cpu_of, rate_of

ONE = "headgate-1-worker"
TWO = "headgate-2-workers"
TARGET = 1.8
SPIN_ROUNDS = 20_000
"""About 0.4 ms in Python 3.11: some twenty times what backend and load generator use for a request."""


def run(bench: Bench) -> Report:
    """Measure requests per second with one worker and with two."""
    cores = bench.machine.cores
    enough = len(cores) >= 4
    filters = [] if enough else [spin(SPIN_ROUNDS)]
    peers: list[Peer] = [
        Headgate(ONE, "Headgate, 1 worker", filters=filters),
        Headgate(TWO, "Headgate, 2 workers", filters=filters, workers=2),
    ]
    proxy_cores, load_cores = (cores[:2], cores[2:4]) if enough else (cores, cores[::-1])
    samples = alternate(bench, peers, proxy_cores=proxy_cores, load_cores=load_cores)
    ratio = samples.ratio(TWO, ONE, rate_of)
    report = Report("workers", [Finding("2 workers", "1 worker, requests/s", f">= {TARGET} x", f"{ratio:.2f} x", ratio >= TARGET)])
    report.details = [("proxy", "requests/s", "CPU us per request")]
    for peer in peers:
        report.details.append((peer.label, f"{samples.median(peer.key, rate_of):,.0f}", f"{samples.median(peer.key, cpu_of):.1f}"))
    if not enough:
        report.notes.append(
            f"This machine has {len(cores)} cores, so the load generator could not have cores of its own. Measured with a filter that uses "
            "about 0.4 ms of CPU time for each request, proxy and load sharing all cores; plain forwarding needs four cores."
        )
    report.raw = {"plain": enough, "samples": samples.as_json()}
    return report
