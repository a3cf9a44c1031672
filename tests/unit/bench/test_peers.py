"""The configurations of the proxies: that all do the same work stands and falls with them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import headgate.runtimes.builtin  # noqa: F401  # registers the runtimes' filters
from bench.certificate import Certificate, make_certificate
from bench.peers import envoy as envoy_peer
from bench.peers import envoy_ext_proc, headgate_filters
from bench.peers.envoy import Envoy
from bench.peers.envoy_ext_proc import EnvoyExtProc
from bench.peers.envoy_filters import lua, wasm
from bench.peers.headgate import AUTH, Headgate
from bench.peers.nginx import Nginx
from bench.places import EXAMPLES
from bench.service import Service, ServiceFailed
from headgate.config import examine


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


@pytest.fixture(autouse=True)
def no_envoy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envoy_peer, "envoy", lambda: Path("envoy"))


def envoy_config(peer: Envoy, folder: Path) -> Any:
    peer.prepare(folder, 1, 2)
    return json.loads((folder / "envoy.json").read_text(encoding="utf-8"))["static_resources"]


def http_filters(config: Any) -> list[str]:
    (chain,) = config["listeners"][0]["filter_chains"]
    return [entry["name"] for entry in chain["filters"][0]["typed_config"]["http_filters"]]


def test_envoy_runs_its_filters_before_the_router(tmp_path: Path) -> None:
    config = envoy_config(Envoy("x", "x", filters=[lua("script"), wasm(Path("auth.wasm"))]), tmp_path)
    assert http_filters(config) == ["envoy.filters.http.lua", "envoy.filters.http.wasm", "envoy.filters.http.router"]
    assert "transport_socket" not in config["listeners"][0]["filter_chains"][0]


def test_envoy_makes_full_handshakes_of_tls_1_3_only(tmp_path: Path, certificate: Certificate) -> None:
    config = envoy_config(Envoy(certificate=certificate), tmp_path)
    tls = config["listeners"][0]["filter_chains"][0]["transport_socket"]["typed_config"]
    assert tls["disable_stateless_session_resumption"] and tls["disable_stateful_session_resumption"]
    assert tls["common_tls_context"]["tls_params"] == {"tls_minimum_protocol_version": "TLSv1_3", "ecdh_curves": ["X25519"]}


def test_envoy_asks_the_ext_proc_server_over_its_socket(tmp_path: Path) -> None:
    config = envoy_config(EnvoyExtProc("x", "x"), tmp_path)
    assert http_filters(config) == ["envoy.filters.http.ext_proc", "envoy.filters.http.router"]
    (endpoint,) = config["clusters"][1]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"] == {"pipe": {"path": str(tmp_path / "ext-proc.sock")}}


class FakeService:
    """Stands in for a program."""

    started: list[FakeService]

    def __init__(self, name: str, argv: list[str], cores: list[int], *_: object) -> None:
        self.name, self.argv, self.cores, self.stopped = name, argv, cores, False
        self.pid = 100 + len(self.started)
        self.started.append(self)

    def wait_listening(self, path: Path) -> None:
        assert self.argv[-1] == str(path)

    def wait_ready(self, port: int, *, tls: bool = False) -> None:
        pass

    def stop(self) -> None:
        self.stopped = True


def test_the_ext_proc_server_is_counted_with_envoy_shares_its_core_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeService.started = []
    monkeypatch.setattr(envoy_ext_proc, "Service", FakeService)
    monkeypatch.setattr("bench.peers.peer.Service", FakeService)
    peer = EnvoyExtProc("x", "x")
    peer.start(tmp_path, [0], 2)
    assert [service.name for service in FakeService.started] == ["ext-proc-server", "x"]
    assert [service.cores for service in FakeService.started] == [[0], [0]]
    assert sorted(peer.roots) == [100, 101]
    peer.stop()
    assert all(service.stopped for service in FakeService.started)


def test_nginx_speaks_tls_only_with_a_certificate(tmp_path: Path, certificate: Certificate) -> None:
    Nginx().prepare(tmp_path, 1, 2)
    plain = (tmp_path / "nginx.conf").read_text(encoding="utf-8")
    assert "ssl" not in plain
    Nginx(certificate=certificate).prepare(tmp_path, 1, 2)
    secure = (tmp_path / "nginx.conf").read_text(encoding="utf-8")
    assert "listen 127.0.0.1:1 ssl backlog" in secure
    for setting in ("ssl_protocols TLSv1.3;", "NumTickets 0;", "ssl_session_tickets off;", f"ssl_certificate {certificate.chain};"):
        assert setting in secure


def peers(folder: Path) -> list[Headgate]:
    checker = [headgate_filters.PLUGIN]
    module = EXAMPLES / "native_auth" / "c" / "auth.c"  # any file: validation does not load it
    return [
        Headgate("plain", "x"),
        Headgate("tls", "x", certificate=make_certificate(folder)),
        Headgate("inline", "x", filters=[AUTH]),
        Headgate("isolated", "x", filters=[headgate_filters.IN_PROCESS]),
        Headgate("module", "x", filters=[headgate_filters.MODULE]),
        Headgate("lua", "x", filters=[headgate_filters.LUA]),
        Headgate("wasm", "x", filters=[headgate_filters.WASM]),
        Headgate("native", "x", filters=[headgate_filters.native(module)]),
        Headgate("plugin", "x", filters=[headgate_filters.AGENT], plugins=checker),
    ]


def test_headgate_accepts_every_configuration_without_a_warning(tmp_path: Path) -> None:
    for peer in peers(tmp_path):
        examination = examine(peer.config(tmp_path, 2046, 8080), base=tmp_path)
        assert [finding.render() for finding in (*examination.errors, *examination.warnings)] == [], peer.key


def test_the_files_that_the_filters_name_are_there() -> None:
    for entry in (headgate_filters.MODULE, headgate_filters.LUA["config"], headgate_filters.WASM["config"]):
        assert isinstance(entry, dict) and Path(str(entry["path"])).is_file()
    command, args = headgate_filters.PLUGIN["command"], headgate_filters.PLUGIN["args"]
    assert isinstance(command, list) and isinstance(args, list)
    assert Path(command[1]).is_file() and Path(args[1]).is_file()


def test_a_service_that_ends_before_it_listens_is_reported(tmp_path: Path) -> None:
    service = Service("short", ["false"], sorted(os.sched_getaffinity(0))[:1], tmp_path)
    try:
        with pytest.raises(ServiceFailed, match="short ended with 1"):
            service.wait_listening(tmp_path / "nowhere.sock")
    finally:
        service.stop()
