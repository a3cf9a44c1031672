"""HTTP/1.1, keep-alive, a 17-byte body: forwarding, the auth check, one more filter."""

from __future__ import annotations

from collections.abc import Sequence

from bench.peers.envoy import Envoy
from bench.peers.haproxy import HAProxy
from bench.peers.headgate import AUTH, Headgate
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.report import Finding, Report
from bench.rounds import Bench, Samples, alternate, cpu_of, p99_of, rate_of

MORE_FILTERS = 4
"""By how many filters the long chain is longer; the difference is divided by it, as that of one is near the noise."""

NGINX = "nginx"
ENVOY = "envoy"
ENVOY_LUA = "envoy-lua"
PLAIN = "headgate"
PLAIN_INTERPRETED = "headgate-interpreted"
CHECKED = "headgate-auth"
CHECKED_INTERPRETED = "headgate-auth-interpreted"
CHECKED_OFTEN = "headgate-auth-chain"


def run(bench: Bench) -> Report:
    """Measure all proxies in turn at full speed."""
    peers: list[Peer] = [
        Nginx(),
        HAProxy(),
        Envoy(),
        Envoy(lua=True),
        Headgate(PLAIN, "Headgate compiled"),
        Headgate(PLAIN_INTERPRETED, "Headgate interpreted", compiled=False),
        Headgate(CHECKED, "Headgate compiled, auth in Python", filters=[AUTH]),
        Headgate(CHECKED_INTERPRETED, "Headgate interpreted, auth in Python", compiled=False, filters=[AUTH]),
        Headgate(CHECKED_OFTEN, f"Headgate compiled, {1 + MORE_FILTERS} x auth in Python", filters=[AUTH] * (1 + MORE_FILTERS)),
    ]
    samples = alternate(bench, peers)
    report = Report("http1", _findings(samples), _details(peers, samples))
    report.notes.append(
        "Versions: " + ", ".join(dict.fromkeys(peer.version() for peer in peers)) + ". "
        "CPU: user and system time of the proxy's process tree per request, median (smallest - largest) of the rounds. "
        "Ratios: median of the ratios within a round."
    )
    report.raw = samples.as_json()
    return report


def _findings(samples: Samples) -> list[Finding]:
    def ratio(work: str, own: str, against: str, name: str, target: float) -> Finding:
        value = samples.ratio(own, against, cpu_of)
        return Finding(work, f"{name}, CPU per request", f"<= {target} x", f"{value:.2f} x", value <= target)

    added = samples.difference(CHECKED_OFTEN, CHECKED, cpu_of) / MORE_FILTERS
    first = samples.difference(CHECKED, PLAIN, cpu_of)
    lua = samples.ratio(CHECKED, ENVOY_LUA, cpu_of)
    return [
        ratio("forward, no filter, compiled", PLAIN, NGINX, "nginx", 1.6),
        ratio("Python auth filter, compiled", CHECKED, ENVOY, "Envoy without filter", 0.55),
        ratio("Python auth filter, interpreted", CHECKED_INTERPRETED, ENVOY, "Envoy without filter", 0.75),
        Finding("what one more Python receiver filter adds", "the same chain without it", "<= 1.0 us", f"{added:.2f} us", added <= 1.0),
        Finding("what the first Python receiver filter adds", "no filter", "-", f"{first:.2f} us", None),
        Finding("Python auth filter, compiled", "Envoy, auth in Lua, CPU per request", "-", f"{lua:.2f} x", None),
    ]


def _details(peers: Sequence[Peer], samples: Samples) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("proxy", "CPU us per request", "requests/s", "p50 ms", "p99 ms", "CPU / nginx", "CPU / Envoy")]
    for peer in peers:
        cpus = [sample.cpu for sample in samples.by_key[peer.key]]
        rows.append(
            (
                peer.label,
                f"{samples.median(peer.key, cpu_of):.1f} ({min(cpus):.1f} - {max(cpus):.1f})",
                f"{samples.median(peer.key, rate_of):,.0f}",
                f"{samples.median(peer.key, lambda sample: sample.p50):.2f}",
                f"{samples.median(peer.key, p99_of):.2f}",
                f"{samples.ratio(peer.key, NGINX, cpu_of):.2f}",
                f"{samples.ratio(peer.key, ENVOY, cpu_of):.2f}",
            )
        )
    return rows
