"""Findings on their way from a worker to the user."""

from __future__ import annotations

import pytest

from headgate.api.errors import ConfigError, ConfigRejected, NotSupportedYet
from headgate.server import protocol

ERRORS = [ConfigError("servers[0]", "wrong", "write it right"), NotSupportedYet("tracing", "a tracer")]


def test_findings_survive_the_way() -> None:
    rejected = protocol.findings_from_wire(protocol.findings_to_wire(ERRORS))
    assert [error.render() for error in rejected.errors] == [error.render() for error in ERRORS]
    assert isinstance(rejected.errors[1], NotSupportedYet)


@pytest.mark.parametrize("items", [None, [], "text", [1, 2]])
def test_an_answer_without_findings_is_one_itself(items: object) -> None:
    assert "without saying why" in str(protocol.findings_from_wire(items))


def test_what_several_workers_found_is_told_once() -> None:
    other = ConfigError("servers[1]", "wrong, too")
    assert protocol.unique_findings([ConfigRejected(ERRORS), ConfigRejected([*ERRORS, other])]).errors == (*ERRORS, other)


def test_faulty_messages_are_named() -> None:
    for read in (protocol.text, protocol.number, protocol.numbers):
        with pytest.raises(ValueError, match="without 'x'"):
            read({"command": "prepare"}, "x")
    with pytest.raises(ValueError, match="without 'serve'"):
        protocol.serve_pairs({})
    assert protocol.serve_pairs({"serve": [[1, "a"]]}) == [(1, "a")]
