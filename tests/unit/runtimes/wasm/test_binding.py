from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.runtimes.wasm import module_cache
from headgate.runtimes.wasm.abi_check import differences
from headgate.runtimes.wasm.engine import engine, wat_to_wasm
from headgate.runtimes.wasm.errors import GuestError, InvalidMemory, ModuleError
from headgate.runtimes.wasm.instance import Instance
from headgate.runtimes.wasm.library import FUNCTIONS, ffi, lib
from headgate.runtimes.wasm.module import Module, Signature
from headgate.runtimes.wasm.pairs import decode, encode
from tests.unit.runtimes.wasm.wat_modules import module

WAT = module(
    """(import "env" "host" (func $host (param i32 i64) (result i32)))
    (func (export "add") (param i32 i32 i32) (result i32) (i32.add (local.get 0) (i32.add (local.get 1) (local.get 2))))
    (func (export "ask") (result i32) (call $host (i32.const -1) (i64.const -2)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (func (export "boom") unreachable)"""
).replace("(module", "(module", 1)


def _instance(host: object = None, limit: int = 1 << 24) -> Instance:
    # Imports come first in a module.
    text = WAT.replace("(import", "\n(import", 1)
    start = text.index("(import")
    end = text.index("\n", start)
    declaration = text[start:end]
    text = text[:start] + text[end:]
    text = text.replace("(module", f"(module {declaration}", 1)
    functions = {("env", "host"): (Signature("iI", "i"), host or (lambda a, b: 0))}
    return Instance(Module.compile(engine(), wat_to_wasm(text)), functions, limit, 0.2)  # type: ignore[arg-type]  # any callable


def test_the_declarations_fit_the_installed_wasmtime() -> None:
    assert differences(ffi, lib, FUNCTIONS) == []


def test_numbers_arrive_unsigned_and_whole() -> None:
    seen: list[tuple[int, int]] = []

    def host(a: int, b: int) -> int:
        seen.append((a, b))
        return 7

    instance = _instance(host)
    assert instance.call(instance.function("ask")) == 7
    assert seen == [(0xFFFFFFFF, 0xFFFFFFFFFFFFFFFE)]
    assert instance.call(instance.function("add"), 1, 2, 3) == 6


def test_an_exception_in_a_host_function_is_a_trap_with_a_cause() -> None:
    def host(a: int, b: int) -> int:
        raise KeyError("lost")

    instance = _instance(host)
    with pytest.raises(GuestError, match="KeyError") as caught:
        instance.call(instance.function("ask"))
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(GuestError, match="has failed before"):
        instance.call(instance.function("add"))


def test_memory_that_has_grown_is_seen() -> None:
    instance = _instance()
    memory = instance.memory
    with pytest.raises(InvalidMemory):
        memory.read(65536, 1)
    instance.call(instance.function("grow"))
    assert memory.read(65536, 4) == bytes(4)
    memory.write(65536 * 2 - 2, b"ab")
    for pointer, length in ((65536 * 2 - 2, 3), (0xFFFFFFFF, 0xFFFFFFFF), (65536 * 2 + 1, 0)):
        with pytest.raises(InvalidMemory):
            memory.check(pointer, length)
    with pytest.raises(InvalidMemory):
        memory.write_u32(65536 * 2 - 3, 1)


def test_nothing_is_used_after_close() -> None:
    instance = _instance()
    instance.close()
    instance.close()
    with pytest.raises(GuestError):
        instance.call(None)
    with pytest.raises(InvalidMemory):
        instance.memory.read(0, 1)


def test_a_backtrace_names_functions() -> None:
    instance = _instance()
    with pytest.raises(GuestError) as caught:
        instance.call(instance.function("boom"))
    assert len(caught.value.backtrace) == 1


def test_a_module_closes_before_its_instances() -> None:
    made = Module.compile(engine(), wat_to_wasm('(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.const 5)))'))
    instance = Instance(made, {}, 1 << 20, 0.2)
    made.close()
    gc.collect()
    assert instance.call(instance.function("f")) == 5
    with pytest.raises(ModuleError, match="closed"):
        _ = made.pointer


WASM = wat_to_wasm('(module (memory (export "memory") 1))')


def test_a_compiled_module_is_kept(cache: Path) -> None:
    module_cache.load(engine(), WASM)
    (file,) = cache.glob("*.cwasm")
    assert file.stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700
    before = file.stat().st_mtime_ns
    module_cache.load(engine(), WASM)
    assert file.stat().st_mtime_ns == before


def test_a_spoiled_entry_is_made_again(cache: Path) -> None:
    module_cache.load(engine(), WASM)
    (file,) = cache.glob("*.cwasm")
    file.write_bytes(b"rubbish")
    module_cache.load(engine(), WASM)
    assert file.read_bytes() != b"rubbish"


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_cache_that_others_may_enter_is_not_used(mode: int, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache.mkdir()
    cache.chmod(mode)
    module_cache.load(engine(), WASM)
    assert not list(cache.iterdir())
    assert "is not used as a cache" in caplog.text


def test_a_cache_that_is_a_link_is_not_used(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")
    module_cache.load(engine(), WASM)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_entry_that_others_may_write_is_not_used(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    module_cache.load(engine(), WASM)
    (file,) = cache.glob("*.cwasm")
    file.chmod(0o666)
    module_cache.load(engine(), WASM)
    assert "is not ours alone" in caplog.text


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20))))
def test_pairs_survive(pairs: list[tuple[bytes, bytes]]) -> None:
    assert decode(encode(pairs)) == pairs


@given(st.binary(max_size=60))
def test_any_bytes_are_a_map_or_none(data: bytes) -> None:
    decode(data)


def test_readings_of_an_empty_map() -> None:
    assert decode(b"") == decode(b"\0") == decode(b"\0\0\0\0") == []


@pytest.mark.parametrize("data", [b"\1\0\0\0", b"\xff\xff\xff\xff", b"\1\0\0\0\1\0\0\0\1\0\0\0a\0b", b"x"])
def test_what_is_no_map(data: bytes) -> None:
    assert decode(data) is None
