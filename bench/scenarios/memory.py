"""Memory of an idle keep-alive connection."""

from __future__ import annotations

import statistics

from bench import process_tree
from bench.backend import Backend
from bench.idle_connections import IdleConnections, raise_file_limit
from bench.load import run_wrk
from bench.peers.envoy import Envoy
from bench.peers.headgate import Headgate
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.report import Finding, Report
from bench.rounds import WARM_UP_SECONDS, Bench, say

CONNECTIONS = 4000
OWN = "headgate"
ENVOY = "envoy"
TARGET = 1.0


def run(bench: Bench) -> Report:
    """Open many connections to each proxy in turn and see what they add to its memory."""
    raise_file_limit(4 * CONNECTIONS)
    peers: list[Peer] = [Envoy(), Headgate(OWN, "Headgate compiled"), Nginx()]
    base: dict[str, list[float]] = {peer.key: [] for peer in peers}
    added: dict[str, list[float]] = {peer.key: [] for peer in peers}
    backend = Backend([bench.machine.load_core], bench.folder)
    try:
        for number in range(1, bench.options.rounds + 1):
            for peer in peers:
                before, each = _measure(bench, peer, backend.port)
                base[peer.key].append(before)
                added[peer.key].append(each)
                say(f"  round {number}/{bench.options.rounds}  {peer.label:<20} {each:8.0f} bytes each, {before / 2**20:.1f} MiB before")
    finally:
        backend.stop()
    ratio = statistics.median(own / other for own, other in zip(added[OWN], added[ENVOY], strict=True))
    report = Report(
        "memory", [Finding("memory per idle keep-alive connection", "Envoy", f"<= {TARGET} x", f"{ratio:.2f} x", ratio <= TARGET)]
    )
    report.details = [("proxy", "KiB per idle connection", "MiB before")]
    for peer in peers:
        report.details.append(
            (peer.label, f"{statistics.median(added[peer.key]) / 1024:.1f}", f"{statistics.median(base[peer.key]) / 2**20:.1f}")
        )
    report.notes.append(
        f"{CONNECTIONS:,} connections, each with one answered request; proportional set size of the process tree, without socket buffers "
        "in the kernel. Headgate's figure before any connection holds the supervisor and one worker."
    )
    report.raw = {"bytes_per_connection": added, "bytes_before": base}
    return report


def _measure(bench: Bench, peer: Peer, backend_port: int) -> tuple[float, float]:
    """Bytes before the connections, and bytes that each adds."""
    try:
        peer.start(bench.folder, [bench.machine.proxy_core], backend_port)
        run_wrk(peer.port, bench.machine.load_core, WARM_UP_SECONDS, bench.folder)
        before = process_tree.memory_bytes(peer.pid)
        with IdleConnections(peer.port) as connections:
            connections.open(CONNECTIONS)
            after = process_tree.memory_bytes(peer.pid)
    finally:
        peer.stop()
    return before, (after - before) / CONNECTIONS
