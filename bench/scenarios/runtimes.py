"""The auth check in every way in which Headgate runs foreign code, beside Envoy's Lua and WASM with the same script and module."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cost_table import at_most, cpu_cell, how_to_read
from bench.native_modules import build_native_modules
from bench.peers.envoy import Envoy
from bench.peers.envoy_filters import lua, wasm
from bench.peers.headgate import AUTH, Headgate
from bench.peers.headgate_filters import AGENT, LUA, MODULE, PLUGIN, WASM, native
from bench.peers.peer import Peer
from bench.places import LUA_AUTH
from bench.report import Finding, Report
from bench.rounds import Bench, Samples, alternate, cpu_of, rate_of
from bench.wasm_module import write_wasm_module

ENVOY = "envoy"
ENVOY_LUA = "envoy-lua"
ENVOY_WASM = "envoy-wasm"
PLAIN = "headgate"
PYTHON = "headgate-auth"
IN_LUA = "headgate-lua"
IN_WASM = "headgate-wasm"
NATIVE = "headgate-native-"
"""Followed by the language."""
LUA_TARGET = 0.6
NATIVE_TARGET = 2.0
WASM_TARGET = 0.8


def run(bench: Bench) -> Report:
    """Measure all ways in turn at full speed."""
    modules, missing = build_native_modules()
    script = LUA_AUTH.read_text(encoding="utf-8")
    envoys = [
        Envoy(),
        Envoy(ENVOY_LUA, "Envoy, auth in Lua", filters=[lua(script)]),
        Envoy(ENVOY_WASM, "Envoy, auth in WASM", filters=[wasm(write_wasm_module(bench.folder))]),
    ]
    own = [
        Headgate(PLAIN, "Headgate, no filter"),
        Headgate(PYTHON, "Headgate, Python", filters=[AUTH]),
        Headgate("headgate-module", "Headgate, Python module by path", filters=[MODULE]),
        *(Headgate(f"{NATIVE}{name}", f"Headgate, native, {name}", filters=[native(path)]) for name, path in modules.items()),
        Headgate(IN_LUA, "Headgate, Lua", filters=[LUA]),
        Headgate(IN_WASM, "Headgate, WASM", filters=[WASM]),
        Headgate("headgate-plugin", "Headgate, plugin process in Python", filters=[AGENT], plugins=[PLUGIN]),
    ]
    peers: list[Peer] = [*envoys, *own]
    samples = alternate(bench, peers)
    report = Report("runtimes", _findings(samples, list(modules)), _details(peers, samples))
    report.notes.append(
        "Headgate is the compiled build. Added: beside the same proxy without filter, median of the differences within a round; a "
        "difference of two figures, so less certain than they are. The filters are those of `examples/`: both proxies run the "
        "same Lua script and the same WASM module (Envoy reads it in its binary form). The plugin's process is counted with the proxy."
    )
    if missing:
        report.notes.append("Not measured: " + "; ".join(missing) + ".")
    report.notes.append(how_to_read(peers))
    report.raw = samples.as_json()
    return report


def _findings(samples: Samples, languages: Sequence[str]) -> list[Finding]:
    in_python = samples.difference(PYTHON, PLAIN, cpu_of)
    findings = [
        at_most(samples, "auth in Lua", IN_LUA, ENVOY_LUA, "Envoy with the same script", LUA_TARGET),
        at_most(samples, "auth in WASM", IN_WASM, ENVOY_WASM, "Envoy with the same module", WASM_TARGET),
    ]
    for language in languages:
        added = samples.difference(f"{NATIVE}{language}", PLAIN, cpu_of)
        work = f"what auth in a native module in {language} adds"
        target = f"<= {NATIVE_TARGET:.0f} x"
        value = f"{added:.2f} us to {in_python:.2f} us"
        # Below a microsecond the difference is noise, not something to divide by.
        met = added <= NATIVE_TARGET * in_python if in_python > 1.0 else None
        findings.append(Finding(work, "what the Python filter adds", target, value, met))
    return findings


def _details(peers: Sequence[Peer], samples: Samples) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("proxy, filter", "CPU us per request", "added us", "requests/s", "CPU / no filter", "CPU / Envoy")]
    for peer in peers:
        base = ENVOY if isinstance(peer, Envoy) else PLAIN
        added = "" if peer.key == base else f"{samples.difference(peer.key, base, cpu_of):.1f}"
        rows.append(
            (
                peer.label,
                cpu_cell(samples, peer.key),
                added,
                f"{samples.median(peer.key, rate_of):,.0f}",
                f"{samples.ratio(peer.key, base, cpu_of):.2f}",
                f"{samples.ratio(peer.key, ENVOY, cpu_of):.2f}",
            )
        )
    return rows
