"""HTTP/1.1, keep-alive, a 17-byte body: forwarding, the auth check, one more filter."""

from __future__ import annotations

from bench.cost_table import at_most, cost_table, how_to_read
from bench.peers.envoy import Envoy
from bench.peers.envoy_filters import lua
from bench.peers.haproxy import HAProxy
from bench.peers.headgate import AUTH, Headgate
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.places import LUA_AUTH
from bench.report import Finding, Report
from bench.rounds import Bench, Samples, alternate, cpu_of

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
        Envoy(ENVOY_LUA, "Envoy, auth in Lua", filters=[lua(LUA_AUTH.read_text(encoding="utf-8"))]),
        Headgate(PLAIN, "Headgate compiled"),
        Headgate(PLAIN_INTERPRETED, "Headgate interpreted", compiled=False),
        Headgate(CHECKED, "Headgate compiled, auth in Python", filters=[AUTH]),
        Headgate(CHECKED_INTERPRETED, "Headgate interpreted, auth in Python", compiled=False, filters=[AUTH]),
        Headgate(CHECKED_OFTEN, f"Headgate compiled, {1 + MORE_FILTERS} x auth in Python", filters=[AUTH] * (1 + MORE_FILTERS)),
    ]
    samples = alternate(bench, peers)
    report = Report("http1", _findings(samples), cost_table(peers, samples, {NGINX: "nginx", ENVOY: "Envoy"}))
    report.notes.append(how_to_read(peers))
    report.raw = samples.as_json()
    return report


def _findings(samples: Samples) -> list[Finding]:
    added = samples.difference(CHECKED_OFTEN, CHECKED, cpu_of) / MORE_FILTERS
    first = samples.difference(CHECKED, PLAIN, cpu_of)
    lua_ratio = samples.ratio(CHECKED, ENVOY_LUA, cpu_of)
    plain_envoy = "Envoy without filter"
    return [
        at_most(samples, "forward, no filter, compiled", PLAIN, NGINX, "nginx", 1.6),
        at_most(samples, "Python auth filter, compiled", CHECKED, ENVOY, plain_envoy, 0.55),
        at_most(samples, "Python auth filter, interpreted", CHECKED_INTERPRETED, ENVOY, plain_envoy, 0.75),
        Finding("what one more Python receiver filter adds", "the same chain without it", "<= 1.0 us", f"{added:.2f} us", added <= 1.0),
        Finding("what the first Python receiver filter adds", "no filter", "-", f"{first:.2f} us", None),
        Finding("Python auth filter, compiled", "Envoy, auth in Lua, CPU per request", "-", f"{lua_ratio:.2f} x", None),
    ]
