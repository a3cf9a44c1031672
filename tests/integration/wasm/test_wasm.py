"""WASM filters in real proxies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, request, simple_config, until

AUTH = Path(__file__).parents[3] / "examples" / "wasm_auth" / "auth.wat"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _config(entry: dict[str, object], *hosts: str, **more: Any) -> dict[str, Any]:
    return simple_config(*hosts, stream_filters=[entry], **more)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "wasm", "config": {"path": "auth.wat"}},
        {"type": "wasm", "config": {"name": "auth", "vm_config": {"code": {"local": {"filename": "auth.wat"}}}}},
        {"type": "proxywasm", "config": {"vm_config": {"engine": "wasmer", "path": "auth.wat"}, "instance_num": 1, "root_context_id": 1}},
        {"type": "proxywasm", "config": {"from_wasm_plugin": "shared"}},
    ],
    ids=["short", "envoy", "mosn", "global"],
)
def test_every_shape(entry: dict[str, object], headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """Paths are relative to the configuration file."""
    upstream = backend()
    plugins = [{"plugin_name": "shared", "vm_config": {"engine": "wasmer", "path": "auth.wat"}, "instance_num": 2}]
    folder = tmp_path / "proxy"
    folder.mkdir()
    (folder / "auth.wat").write_bytes(AUTH.read_bytes())
    file = folder / "config.json"
    file.write_text(json.dumps(_config(entry, upstream.address, top={"wasm_global_plugins": plugins})))
    proxy = headgate(file)
    assert proxy.get("/", headers={"User": "admin"}).status == 200
    denied = proxy.get("/", headers={"User": "guest"})
    assert (denied.status, denied.body) == (403, b"forbidden")
    assert len(upstream.requests) == 1


def test_workers_compile_once(headgate: HeadgateFactory, backend: BackendFactory, cache: Path) -> None:
    proxy = headgate(_config({"type": "wasm", "config": {"path": str(AUTH)}}, backend().address), workers=2)
    assert proxy.get("/").status == 403
    assert len(list(cache.glob("*.cwasm"))) == 1


def test_a_faulty_module_changes_nothing_on_reload(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    module = tmp_path / "module.wat"
    module.write_bytes(AUTH.read_bytes())
    config = _config({"type": "wasm", "config": {"path": str(module)}}, backend().address)
    proxy = headgate(config)
    module.write_text("(module)")
    outcome = proxy.reload(config)
    assert not outcome.ok
    assert "exports no ABI version" in outcome.errors[0]
    assert proxy.get("/").status == 403
    module.write_text(AUTH.read_text().replace("(i32.const 403)", "(i32.const 401)"))
    assert proxy.reload(config).ok
    assert proxy.get("/").status == 401


TICKING = """(module
  (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $add (param i32 i64) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "ticks")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 64)))
    (drop (call $period (i32.const 20))) (i32.const 1))
  (func (export "proxy_on_tick") (param i32) (drop (call $add (i32.load (i32.const 64)) (i64.const 1)))))"""


def test_ticks_without_any_request_and_metrics(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    module = tmp_path / "ticking.wat"
    module.write_text(TICKING)
    proxy = headgate(_config({"type": "wasm", "config": {"path": str(module)}}, backend().address))

    def ticks() -> float:
        text = request(proxy.admin, target="/metrics").body.decode()
        return next((float(line.split()[1]) for line in text.splitlines() if line.startswith("wasmcustom_ticks ")), 0.0)

    until(lambda: ticks() >= 3, "the guest's ticks are counted")


def test_an_endless_loop_costs_its_request(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    module = tmp_path / "loop.wat"
    endless = "(loop $again (br_if $again (i32.eqz (call $is_admin))))"
    module.write_text(AUTH.read_text().replace("(global.set $free (i32.const 1024))\n", endless))
    proxy = headgate(_config({"type": "wasm", "config": {"path": str(module), "call_timeout": 0.1}}, backend().address))
    assert proxy.get("/").status == 500
    assert proxy.get("/", headers={"User": "admin"}).status == 200
    until(lambda: "ran past its time limit" in proxy.logs)
