"""A reload of 10,000 routes and 1,000 clusters under load: is anything lost, and how long does the worker stand still?"""

from __future__ import annotations

import json
import socket
import statistics
import threading
import time
from pathlib import Path

from bench.backend import Backend
from bench.load import Load, LoadFailed, run_h2load
from bench.peers.headgate import LOOP_LAG, Headgate, cluster
from bench.prober import Prober, get
from bench.report import Finding, Report
from bench.rounds import Bench, say

VIRTUAL_HOSTS = 100
ROUTES_EACH = 100
CLUSTERS = 1000
RATE = 2000.0
"""Requests per second of the load beside the prober."""
TARGET_MS = 50.0

_COLUMNS = ("loop late ms", "loop busy ms", "longest answer ms")


class LargeHeadgate(Headgate):
    """Headgate with a large configuration that differs from one reload to the next."""

    def __init__(self) -> None:
        super().__init__("headgate-large", "Headgate compiled, large configuration", filters=[LOOP_LAG])
        self._generation = 0
        self._folder = Path()
        self._backend_port = 0

    def prepare(self, folder: Path, port: int, backend_port: int) -> tuple[list[str], dict[str, str]]:
        self._folder = folder
        self._backend_port = backend_port
        return super().prepare(folder, port, backend_port)

    def change(self) -> None:
        """Write the next generation of the configuration: other paths, everything else as it was."""
        self._generation += 1
        text = json.dumps(self.config(self._folder, self.port, self._backend_port))
        self.config_path.write_text(text, encoding="utf-8")

    def virtual_hosts(self) -> list[dict[str, object]]:
        hosts = super().virtual_hosts()
        for host in range(VIRTUAL_HOSTS):
            routes = [
                {
                    "match": {"prefix": f"/g{self._generation}/h{host}/r{route}/"},
                    "route": {"cluster_name": f"cluster-{(host * ROUTES_EACH + route) % CLUSTERS}", "timeout": "30s"},
                }
                for route in range(ROUTES_EACH)
            ]
            hosts.append({"name": f"host-{host}", "domains": [f"h{host}.example.com"], "routers": routes})
        return hosts

    def clusters(self, backend_port: int) -> list[dict[str, object]]:
        return super().clusters(backend_port) + [cluster(f"cluster-{number}", backend_port) for number in range(CLUSTERS)]


class SteadyLoad:
    """The load beside the prober, running until its time is over."""

    def __init__(self, bench: Bench, port: int, seconds: float) -> None:
        self.result: Load | None = None
        self.failure: LoadFailed | None = None
        self._arguments = (port, bench.machine.load_core, seconds, RATE, bench.folder)
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = run_h2load(*self._arguments)
        except LoadFailed as failure:
            self.failure = failure

    def running(self) -> bool:
        """Whether it still sends."""
        return self._thread.is_alive()

    def finish(self) -> Load:
        """Wait for its end.

        :raises LoadFailed: if a request failed
        """
        self._thread.join()
        if self.failure is not None:
            raise self.failure
        if self.result is None:
            raise LoadFailed("the load ended without a result")
        return self.result


def run(bench: Bench) -> Report:
    """Watch a worker under load, first left alone, then while it takes up changed configurations."""
    peer = LargeHeadgate()
    backend = Backend([bench.machine.load_core], bench.folder)
    calm: list[dict[str, float]] = []
    busy: list[dict[str, float]] = []
    try:
        peer.start(bench.folder, [bench.machine.proxy_core], backend.port)
        for number in range(1, bench.options.rounds + 1):
            for name, kept in (("left alone", calm), ("reloading", busy)):
                kept.append(_watch(bench, peer, reloading=kept is busy))
                say(
                    f"  round {number}/{bench.options.rounds}  {name:<11} "
                    + ", ".join(f"{key} {value:.1f}" for key, value in kept[-1].items())
                )
    finally:
        peer.stop()
        backend.stop()
    return _report(calm, busy)


def _watch(bench: Bench, peer: LargeHeadgate, *, reloading: bool) -> dict[str, float]:
    """One stretch of load: what was lost, and the longest pauses in milliseconds."""
    took = 0.0
    load = SteadyLoad(bench, peer.port, max(bench.options.seconds, 3.0))
    with socket.create_connection(("127.0.0.1", peer.port), 10.0) as connection:
        get(connection, "/loop-lag")
        with Prober(peer.port) as prober:
            if reloading:
                peer.change()
                began = time.monotonic()
                peer.reload()
                took = time.monotonic() - began
            while load.running():
                time.sleep(0.05)
        late, busy = map(float, get(connection, "/loop-lag").rpartition(b"\r\n\r\n")[2].split())
    return {
        "requests": load.finish().requests + prober.requests,
        "lost": prober.lost,
        "loop late ms": late,
        "loop busy ms": busy,
        "longest answer ms": prober.worst * 1000,
        "reload ms": took * 1000,
    }


def _report(calm: list[dict[str, float]], busy: list[dict[str, float]]) -> Report:
    lost = sum(one["lost"] for one in busy)
    late = statistics.median(one["loop late ms"] for one in busy)
    own = statistics.median(one["loop busy ms"] for one in busy)
    disturbed = statistics.median(one["loop late ms"] for one in calm) > TARGET_MS / 2
    target = f"<= {TARGET_MS:.0f} ms"
    work = f"reload with {VIRTUAL_HOSTS * ROUTES_EACH:,} routes and {CLUSTERS:,} clusters"
    report = Report(
        "reload",
        [
            Finding(work, "requests lost", "0", f"{lost:.0f} of {sum(one['requests'] for one in busy):,.0f}", lost == 0),
            Finding(work, "longest pause of the worker's loop", target, f"{late:.1f} ms", None if disturbed else late <= TARGET_MS),
            Finding(work, "the same, by the worker's own doing", target, f"{own:.1f} ms", own <= TARGET_MS),
        ],
    )
    report.details = [("", *(f"{column}, median (largest)" for column in _COLUMNS), "reload took ms, median")]
    for name, stretches in (("left alone", calm), ("reloading", busy)):
        cells = [name]
        for key in _COLUMNS:
            values = [one[key] for one in stretches]
            cells.append(f"{statistics.median(values):.1f} ({max(values):.1f})")
        cells.append(f"{statistics.median(one['reload ms'] for one in stretches):.0f}")
        report.details.append(cells)
    report.notes.append(
        f"One worker, {RATE:,.0f} requests/s by h2load beside a client that asks once a millisecond; each figure is the worst of one. "
        "Loop late: how late a timer of 1 ms fires in the worker, the time of other programs on its core included. Loop busy: CPU time "
        "that the worker used from one firing to the next. The stretch without reload shows what the machine itself adds."
    )
    report.raw = {"left alone": calm, "reloading": busy}
    return report
