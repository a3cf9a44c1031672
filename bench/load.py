"""The load generators: wrk as fast as it goes, h2load at a given rate."""

from __future__ import annotations

import math
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32

CIPHER = "TLS_AES_128_GCM_SHA256"
"""The only one that wrk offers, as the proxies would choose differently among several."""

CURVE = "X25519"
"""The only one that wrk offers for the exchange of keys."""

_OPENSSL_SETTINGS = f"""
openssl_conf = all
[all]
ssl_conf = protocols
[protocols]
system_default = client
[client]
MinProtocol = TLSv1.3
Ciphersuites = {CIPHER}
Groups = {CURVE}
"""

_WRK_REPORT = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("REPORT %d %d %d %d %d\\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status, latency:percentile(50)))
  io.write(string.format("P99 %d\\n", latency:percentile(99)))
end
"""


class LoadFailed(Exception):
    """A load generator could not run, or what it asked for was not answered as it should be."""


@dataclass(frozen=True)
class Load:
    """What one burst of load showed.

    :ivar requests: answered requests
    :ivar seconds: how long it lasted
    :ivar p50: median latency, milliseconds
    :ivar p99: 99th percentile of the latency, milliseconds
    """

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def run_wrk(port: int, core: int, seconds: float, folder: Path, *, tls: bool = False, keep_alive: bool = True) -> Load:
    """Load with wrk: ``CONNECTIONS`` connections, each sending its next request as soon as it has its answer.

    :param tls: over TLS 1.3 with ``CIPHER``; the certificate is not verified
    :param keep_alive: False: a new connection for each request. The latencies do not include its making
    :raises LoadFailed: if any request failed or got another status than 2xx or 3xx
    """
    script = folder / "report.lua"
    script.write_text(_WRK_REPORT, encoding="ascii")
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{math.ceil(seconds)}s", "-s", str(script), "-H", "User: admin"]
    if not keep_alive:
        argv += ["-H", "Connection: close"]
    openssl = folder / "wrk-openssl.cnf"
    openssl.write_text(_OPENSSL_SETTINGS, encoding="ascii")
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
    output = _run(["taskset", "--cpu-list", str(core), *argv, url], seconds, {"OPENSSL_CONF": str(openssl)})
    report = re.search(r"REPORT (\d+) (\d+) (\d+) (\d+) (\d+)\nP99 (\d+)", output)
    if report is None:
        raise LoadFailed(f"wrk printed no report: {output[-500:]}")
    requests, microseconds, broken, refused, p50, p99 = map(int, report.groups())
    if broken or refused or not requests:
        raise LoadFailed(f"wrk: of {requests} requests {broken} failed on the socket and {refused} got an error status")
    return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3)


def run_h2load(port: int, core: int, seconds: float, rate: float, folder: Path) -> Load:
    """Load with h2load over HTTP/1.1 at a fixed rate, spread over ``CONNECTIONS`` connections.

    A second of warming up is not counted. Percentiles are taken from its log of single requests.

    :param rate: requests per second, all connections together
    :raises LoadFailed: if any request failed or got another status than 2xx
    """
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    per_connection = rate / CONNECTIONS
    argv = ["h2load", "--h1", "-t1", f"-c{CONNECTIONS}", "-m1", f"-D{math.ceil(seconds)}", "--warm-up-time=1"]
    argv += [f"--rps={per_connection:.2f}", f"--log-file={log}", "-H", "User: admin"]
    output = _run(["taskset", "--cpu-list", str(core), *argv, f"http://127.0.0.1:{port}/"], seconds)
    counts = re.search(r"requests: (\d+) total, .*?(\d+) failed, (\d+) errored, (\d+) timeout", output)
    if counts is None:
        raise LoadFailed(f"h2load printed no report: {output[-500:]}")
    total, *bad = map(int, counts.groups())
    if any(bad) or not total:
        raise LoadFailed(f"h2load: of {total} requests {bad[0]} failed, {bad[1]} broke off, {bad[2]} timed out")
    times: list[int] = []
    for line in log.read_text(encoding="ascii").splitlines():
        _, status, microseconds = line.split("\t")
        if not status.startswith("2"):
            raise LoadFailed(f"h2load: a request got status {status}")
        times.append(int(microseconds))
    times.sort()
    return Load(len(times), float(math.ceil(seconds)), _percentile(times, 50) / 1e3, _percentile(times, 99) / 1e3)


def _percentile(ordered: list[int], percent: int) -> int:
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def _run(argv: list[str], seconds: float, env: Mapping[str, str] | None = None) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 60, check=False, env={**os.environ, **(env or {})})
    if result.returncode != 0:
        raise LoadFailed(f"{' '.join(argv)}: exit code {result.returncode}: {result.stderr[-500:]}")
    return result.stdout
