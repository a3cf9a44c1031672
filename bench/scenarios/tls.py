"""TLS 1.3 towards the client: keep-alive, and a new connection with a full handshake for each request."""

from __future__ import annotations

from collections.abc import Sequence

from bench.certificate import make_certificate
from bench.cost_table import at_most, cost_table, how_to_read
from bench.load import CIPHER, CURVE, Load, LoadFailed, run_wrk
from bench.peers.envoy import Envoy
from bench.peers.headgate import Headgate
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.report import Report
from bench.rounds import Bench, Samples, alternate, say
from bench.tls_facts import TlsFacts, tls_facts

NGINX = "nginx"
ENVOY = "envoy"
OWN = "headgate"
INTERPRETED = "headgate-interpreted"
KEEP_ALIVE_TARGET = 0.65
NEW_CONNECTION_TARGET = 1.5
_WANTED = TlsFacts("TLSv1.3", tickets=False, resumed=False)


def run(bench: Bench) -> Report:
    """Measure both ways to use connections, all proxies in turn at full speed."""
    certificate = make_certificate(bench.folder)
    peers: list[Peer] = [
        Nginx(certificate=certificate),
        Envoy(certificate=certificate),
        Headgate(OWN, "Headgate compiled", certificate=certificate),
        Headgate(INTERPRETED, "Headgate interpreted", compiled=False, certificate=certificate),
    ]

    def new_connections(peer: Peer) -> Load:
        _check(peer)
        return run_wrk(peer.port, bench.machine.load_core, bench.options.seconds, bench.folder, tls=True, keep_alive=False)

    say("  keep-alive:")
    kept = alternate(bench, peers)
    say("  a new connection for each request:")
    fresh = alternate(bench, peers, load=new_connections)
    report = Report(
        "tls",
        [
            at_most(kept, "TLS 1.3, keep-alive, compiled", OWN, ENVOY, "Envoy", KEEP_ALIVE_TARGET),
            at_most(fresh, "TLS 1.3, a new connection for each request, compiled", OWN, ENVOY, "Envoy", NEW_CONNECTION_TARGET),
        ],
        _details(peers, kept, fresh),
    )
    report.notes.append(
        f"TLS 1.3 only, {CIPHER}, {CURVE}, the same self-signed P-256 certificate in all; no session tickets, so every handshake is a full "
        "one (checked before each burst). wrk does handshakes at a higher cost than nginx, so with new connections nginx has pauses; "
        "CPU time per request does not suffer from that. Latencies with new connections are left out: wrk does not count the handshake."
    )
    report.notes.append(how_to_read(peers))
    report.raw = {"keep-alive": kept.as_json(), "new connections": fresh.as_json()}
    return report


def _check(peer: Peer) -> None:
    """All proxies must do the same work.

    :raises LoadFailed: if this one resumes sessions, or offers to
    """
    found = tls_facts(peer.port)
    if found != _WANTED:
        raise LoadFailed(f"{peer.label}: expected {_WANTED}, found {found}")


def _details(peers: Sequence[Peer], kept: Samples, fresh: Samples) -> list[Sequence[str]]:
    """Both tables in one, with a first column that says which."""
    against = {NGINX: "nginx", ENVOY: "Envoy"}
    rows: list[Sequence[str]] = []
    for name, samples in (("keep-alive", kept), ("new", fresh)):
        heading, *own = cost_table(peers, samples, against, latencies=False)
        if not rows:
            rows.append(["connections", *heading])
        rows += [[name, *row] for row in own]
    return rows
