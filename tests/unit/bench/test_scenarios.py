"""What the scenarios make of their samples."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from bench import runner
from bench.certificate import make_certificate
from bench.cost_table import at_most, cost_table
from bench.load import LoadFailed
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer
from bench.places import OTHER_PAGES, PERFORMANCE_PAGE
from bench.rounds import Sample, Samples
from bench.scenarios import runtimes, tls
from bench.tls_facts import TlsFacts
from bench.wasm_module import write_wasm_module


def samples(**cpus: float) -> Samples:
    """One round; names of proxies with ``_`` for ``-``."""
    made = Samples()
    for key, cpu in cpus.items():
        made.add(key.replace("_", "-"), Sample(rate=1000.0, cpu=cpu, p50=1.0, p99=2.0))
    return made


def test_a_cost_table_has_a_column_for_each_proxy_compared_with() -> None:
    peers: list[Peer] = [Nginx()]
    table = cost_table(peers, samples(nginx=10.0, envoy=40.0), {"nginx": "nginx", "envoy": "Envoy"})
    assert table[0] == ("proxy", "CPU us per request", "requests/s", "p50 ms", "p99 ms", "CPU / nginx", "CPU / Envoy")
    assert list(table[1]) == ["nginx", "10.0 (10.0 - 10.0)", "1,000", "1.00", "2.00", "1.00", "0.25"]


@pytest.mark.parametrize(("cpu", "met"), [(26.0, True), (26.1, False)])
def test_a_target_is_met_up_to_its_value(cpu: float, met: bool) -> None:
    finding = at_most(samples(own=cpu, envoy=40.0), "work", "own", "envoy", "Envoy", 0.65)
    assert finding.met is met and finding.target == "<= 0.65 x"


def measured(**more: float) -> Samples:
    figures = {"headgate": 20.0, "headgate_auth": 23.0, "headgate_lua": 25.0, "headgate_wasm": 30.0, "envoy_lua": 50.0, "envoy_wasm": 40.0}
    return samples(**{**figures, **more})


@pytest.mark.parametrize(
    ("native", "python", "met"),
    [(26.0, 23.0, True), (26.5, 23.0, False), (26.0, 20.5, None)],
    ids=["twice the filter's", "more than twice", "the filter's is noise"],
)
def test_what_a_native_module_adds_is_compared_with_what_the_python_filter_adds(native: float, python: float, met: bool | None) -> None:
    one = measured(headgate_auth=python)
    one.add("headgate-native-C", Sample(rate=1000.0, cpu=native, p50=1.0, p99=2.0))
    in_lua, in_wasm, in_c = runtimes._findings(one, ["C"])
    assert (in_lua.value, in_lua.met) == ("0.50 x", True)
    assert (in_wasm.value, in_wasm.met) == ("0.75 x", True)
    assert in_c.met is met


@pytest.mark.parametrize("found", [TlsFacts("TLSv1.2", False, False), TlsFacts("TLSv1.3", True, False), TlsFacts("TLSv1.3", False, True)])
def test_a_proxy_that_saves_handshakes_or_speaks_another_version_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: TlsFacts
) -> None:
    monkeypatch.setattr(tls, "tls_facts", lambda port: found)
    with pytest.raises(LoadFailed, match="nginx: expected"):
        tls._check(Nginx(certificate=make_certificate(tmp_path)))
    monkeypatch.setattr(tls, "tls_facts", lambda port: TlsFacts("TLSv1.3", False, False))
    tls._check(Nginx(certificate=make_certificate(tmp_path)))


def test_scenarios_are_named_one_by_one_or_with_commas() -> None:
    parser = runner._parser()
    assert parser.parse_args(["--scenario", "tls,plugin", "--scenario", "runtimes"]).scenario == ["tls", "plugin", "runtimes"]
    assert parser.parse_args([]).scenario is None
    with pytest.raises(argparse.ArgumentTypeError, match="no scenario 'tsl'"):
        runner._scenarios("tls,tsl")


def test_the_pages_have_a_place_for_every_scenario() -> None:
    for name in runner.SCENARIOS:
        for place in (PERFORMANCE_PAGE, *OTHER_PAGES.get(name, ())):
            page = place.read_text(encoding="utf-8")
            assert page.count(f"<!-- bench:{name} -->") == page.count(f"<!-- end of bench:{name} -->") == 1


def test_the_wasm_module_is_written_in_its_binary_form(tmp_path: Path) -> None:
    assert write_wasm_module(tmp_path).read_bytes().startswith(b"\0asm\1\0\0\0")
