from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from headgate.api import ConfigRejected
from headgate.testing import FilterTester
from tests.unit.runtimes.wasm.wat_modules import module, on_request, write

GOOD = on_request("(i32.const 0)")


def refusal(config: dict[str, object], type_: str = "wasm") -> str:
    with pytest.raises(ConfigRejected) as caught:
        FilterTester(type_, config)
    return str(caught.value)


def test_a_file_that_is_no_module(tmp_path: Path) -> None:
    file = tmp_path / "x.wasm"
    file.write_bytes(b"\x7fELF and so on")
    assert "not a WASM module: it does not begin with" in refusal({"path": str(file)})


def test_a_component(tmp_path: Path) -> None:
    file = tmp_path / "x.wasm"
    file.write_bytes(b"\0asm\x0d\0\1\0")
    assert "a WASM component, not a core module" in refusal({"path": str(file)})


def test_a_module_that_is_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "x.wasm"
    file.write_bytes(b"\0asm\1\0\0\0\1\xff")
    assert str(file) in refusal({"path": str(file)})


def test_a_missing_file(tmp_path: Path) -> None:
    assert "gone.wasm: No such file or directory" in refusal({"path": str(tmp_path / "gone.wasm")})


def test_text_with_an_error(tmp_path: Path) -> None:
    file = tmp_path / "x.wat"
    file.write_text("(module (func")
    assert "expected `)`" in refusal({"path": str(file)})


def test_another_checksum(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD)
    assert "its sha256 is" in refusal({**config, "sha256": "00"})
    assert "its md5 is" in refusal({"vm_config": {"path": config["path"], "md5": "00"}}, "proxywasm")
    right = hashlib.md5(Path(str(config["path"])).read_bytes(), usedforsecurity=False).hexdigest()
    FilterTester("proxywasm", {"vm_config": {"path": config["path"], "md5": right.upper()}})


def test_an_import_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "x.wat"
    text = module(GOOD).replace("(module", '(module (import "env" "proxy_fly" (func (param i32 i64))) (import "env" "g" (global i32))')
    file.write_text(text)
    message = refusal({"path": str(file)})
    assert "function env.proxy_fly(i32, i64) -> ()" in message
    assert "global env.g" in message


def test_an_import_of_another_type(tmp_path: Path) -> None:
    file = tmp_path / "x.wat"
    file.write_text(module(GOOD).replace("(module", '(module (import "env" "proxy_log" (func (param i64)))'))
    assert "env.proxy_log(i64) -> (), which here is (i32, i32, i32) -> (i32)" in refusal({"path": str(file)})


def test_a_callback_of_another_type(tmp_path: Path) -> None:
    config = write(tmp_path, '(func (export "proxy_on_request_headers") (param i64) (result i32) (i32.const 0))')
    assert "proxy_on_request_headers(i64) -> (i32), which should be (i32, i32, i32) -> (i32)" in refusal(config)


def test_no_abi_version(tmp_path: Path) -> None:
    assert "exports no ABI version" in refusal(write(tmp_path, GOOD, abi=""))


def test_an_unknown_abi_version(tmp_path: Path) -> None:
    assert "built for proxy_abi_version_9_9_9" in refusal(write(tmp_path, GOOD, abi="9_9_9"))


def test_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "x.wat"
    file.write_text('(module (func (export "proxy_abi_version_0_2_1")))')
    assert "exports no memory" in refusal({"path": str(file)})


@pytest.mark.parametrize("name", ["proxy_on_vm_start", "proxy_on_configure"])
def test_a_module_that_refuses(name: str, tmp_path: Path) -> None:
    assert f"{name} returned false" in refusal(write(tmp_path, f'(func (export "{name}") (param i32 i32) (result i32) (i32.const 0))'))


@pytest.mark.parametrize("name", ["proxy_on_vm_start", "proxy_on_configure"])
def test_a_trap_while_starting(name: str, tmp_path: Path) -> None:
    assert "unreachable" in refusal(write(tmp_path, f'(func (export "{name}") (param i32 i32) (result i32) unreachable)'))


def test_a_loop_while_starting(tmp_path: Path) -> None:
    config = write(tmp_path, '(func (export "_initialize") (loop (br 0)))')
    assert "ran past its time limit" in refusal({**config, "call_timeout": 0.05})


def test_more_memory_than_is_allowed_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "x.wat"
    file.write_text(module(GOOD).replace('"memory") 1)', '"memory") 100)'))
    assert "memory" in refusal({"path": str(file), "memory_limit": "1MiB"})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "give the module's file as path, or vm_config"),
        ({"path": "a", "vm_config": {"code": {"local": {"filename": "b"}}}}, "and not both"),
        ({"vm_config": {"code": {"remote": {"http_uri": {"uri": "http://x/"}}}}}, "not fetched from remote places"),
        ({"vm_config": {"code": {}}}, "code.local.filename is missing"),
        ({"path": "a", "memory": 1}, "unknown key"),
        ({"path": "a", "configuration": {"@type": "type.googleapis.com/x", "value": 1}}, "@type is StringValue, BytesValue or Struct"),
        ({"path": "a", "call_timeout": 0}, "greater than 0"),
    ],
)
def test_wrong_options(config: dict[str, object], message: str) -> None:
    assert message in refusal(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "give vm_config, or from_wasm_plugin"),
        ({"from_wasm_plugin": "gone"}, "wasm_global_plugins has no plugin 'gone'"),
        ({"vm_config": {"url": "http://127.0.0.1/x.wasm"}}, "not fetched from a url"),
        ({"vm_config": {"engine": "wasmer"}}, "path is missing"),
        ({"vm_config": {"path": "a"}, "user_config1": 1}, "the plugin's configuration is text: user_config1"),
    ],
)
def test_wrong_options_of_mosn(config: dict[str, object], message: str) -> None:
    assert message in refusal(config, "proxywasm")
