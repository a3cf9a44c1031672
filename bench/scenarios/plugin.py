"""The auth check in a Python process of its own, beside Envoy's ext_proc filter with a Python server."""

from __future__ import annotations

from bench.cost_table import cost_table, how_to_read
from bench.peers.envoy import Envoy
from bench.peers.envoy_ext_proc import EnvoyExtProc
from bench.peers.headgate import AUTH, Headgate
from bench.peers.headgate_filters import AGENT, IN_PROCESS, PLUGIN
from bench.peers.peer import Peer
from bench.report import Finding, Report
from bench.rounds import Bench, alternate, cpu_of, rate_of

ENVOY = "envoy"
EXT_PROC = "envoy-ext-proc"
INLINE = "headgate-auth"
PLUGGED = "headgate-plugin"
ISOLATED = "headgate-isolated"
TARGET = 3.0


def run(bench: Bench) -> Report:
    """Measure all proxies in turn at full speed, each on one core together with its helper process."""
    peers: list[Peer] = [
        Envoy(),
        EnvoyExtProc(EXT_PROC, "Envoy, auth by ext_proc in Python"),
        Headgate(INLINE, "Headgate compiled, auth inline", filters=[AUTH]),
        Headgate(PLUGGED, "Headgate compiled, auth in a plugin", filters=[AGENT], plugins=[PLUGIN]),
        Headgate(ISOLATED, "Headgate compiled, auth isolated", filters=[IN_PROCESS]),
    ]
    samples = alternate(bench, peers)
    work = "auth in a Python plugin process"
    rate = samples.ratio(PLUGGED, EXT_PROC, rate_of)
    isolated = samples.ratio(ISOLATED, EXT_PROC, rate_of)
    cpu = samples.ratio(PLUGGED, EXT_PROC, cpu_of)
    server = "Envoy ext_proc with a Python grpc.aio server"
    report = Report(
        "plugin",
        [
            Finding(work, f"{server}, requests/s", f">= {TARGET:.0f} x", f"{rate:.2f} x", rate >= TARGET),
            Finding(work, f"{server}, CPU of proxy and plugin", "-", f"{cpu:.2f} x", None),
            Finding("auth with `isolation: process`", f"{server}, requests/s", "-", f"{isolated:.2f} x", None),
        ],
        cost_table(peers, samples, {EXT_PROC: "ext_proc", ENVOY: "Envoy"}),
    )
    report.notes.append(
        "Proxy and plugin (or ext_proc server) share the first core, load and backend the second, the same for all, so requests/s follow "
        "from the CPU time of both. The process that checks is counted with the proxy. Both sides speak gRPC over a Unix socket and see "
        "request heads only. The ext_proc server is [bench/peers/ext_proc_server.py](../bench/peers/ext_proc_server.py): grpc.aio with "
        "messages of `xds-protos`, on asyncio's own loop."
    )
    report.notes.append(how_to_read(peers))
    report.raw = samples.as_json()
    return report
