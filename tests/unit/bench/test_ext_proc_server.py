"""The check behind Envoy's ext_proc, with stand-ins for the generated messages, which only the benchmark installs."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

_PACKAGE = "envoy.service.ext_proc.v3"


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Any:
    messages, services = ModuleType("messages"), ModuleType("services")
    for name in ("ProcessingResponse", "HeadersResponse", "ImmediateResponse"):
        setattr(messages, name, SimpleNamespace)
    for name in ("envoy", "envoy.service", "envoy.service.ext_proc", _PACKAGE):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, f"{_PACKAGE}.external_processor_pb2", messages)
    monkeypatch.setitem(sys.modules, f"{_PACKAGE}.external_processor_pb2_grpc", services)
    monkeypatch.delitem(sys.modules, "bench.peers.ext_proc_server", raising=False)
    module = importlib.import_module("bench.peers.ext_proc_server")
    monkeypatch.delitem(sys.modules, "bench.peers.ext_proc_server")
    return module.Checker()


def request(*fields: tuple[str, bytes]) -> SimpleNamespace:
    headers = [SimpleNamespace(key=key, raw_value=value) for key, value in fields]
    return SimpleNamespace(request_headers=SimpleNamespace(headers=SimpleNamespace(headers=headers)))


def answer(checker: Any, one: SimpleNamespace) -> Any:
    async def requests() -> AsyncIterator[SimpleNamespace]:
        yield one

    async def collect() -> list[Any]:
        return [response async for response in checker.Process(requests(), None)]

    (response,) = asyncio.run(collect())
    return response


def test_a_request_with_the_header_passes(checker: Any) -> None:
    assert hasattr(answer(checker, request((":path", b"/"), ("user", b"admin"))), "request_headers")


@pytest.mark.parametrize("fields", [[], [("user", b"guest")], [("x-user", b"admin")]])
def test_any_other_is_answered_with_403(checker: Any, fields: list[tuple[str, bytes]]) -> None:
    assert answer(checker, request(*fields)).immediate_response.status == {"code": 403}
