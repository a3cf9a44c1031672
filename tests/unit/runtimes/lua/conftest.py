"""What the tests of Lua filters share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

import headgate.runtimes.lua.factory  # noqa: F401  # registers the type
from headgate.testing import FilterTester, Reply

MakeTester = Callable[..., FilterTester]


@pytest.fixture
def lua() -> MakeTester:
    """Makes a tester of a script: ``lua("function envoy_on_request(h) ... end")``; ``request=`` and ``response=`` give bodies alone."""

    def make(
        source: str = "",
        *,
        request: str = "",
        response: str = "",
        config: Mapping[str, object] | None = None,
        entry: Mapping[str, object] | None = None,
        **parts: object,
    ) -> FilterTester:
        if request:
            source += f"\nfunction envoy_on_request(h) {request}\nend"
        if response:
            source += f"\nfunction envoy_on_response(h) {response}\nend"
        given = dict(config or {})
        if source:
            given["source"] = source
        return FilterTester("lua", given, entry=entry, **parts)  # type: ignore[arg-type]  # handed on as they come

    return make


@pytest.fixture
def reply() -> type[Reply]:
    """What the upstream host answers."""
    return Reply
