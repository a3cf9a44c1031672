"""What a filter does wrong costs its own request at most, and never the worker."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api import (
    BodyNeed,
    FilterCallbacks,
    Stream,
    StreamFilter,
    StreamFilterFactory,
)
from headgate.testing import FilterTester, Reply


@pytest.mark.parametrize("where", ["on_receive", "on_receive_data", "on_receive_trailers", "on_send", "on_send_data", "on_send_trailers"])
@pytest.mark.parametrize("policy", ["deny", "allow"])
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_whatever_a_hook_raises_costs_its_request_at_most(where: str, policy: str, error: type[BaseException]) -> None:
    def explode(self: object, *arguments: object) -> None:
        raise error("boom")

    attributes: dict[str, object] = {where: explode}
    if "data" in where:
        attributes["request_body" if "receive" in where else "response_body"] = BodyNeed.CHUNKS
    exploding = type("Exploding", (StreamFilter,), attributes)
    tester = FilterTester(exploding, entry={"on_error": policy}, reply=Reply(body=[b"one", b"two"], trailers={"X-T": "1"}))
    exchange = tester.request("POST", "/", body=[b"a", b"b"], trailers={"X-R": "1"})
    if policy == "allow":
        assert exchange.status == 200
        assert exchange.body == b"onetwo"
    elif where in ("on_send_data", "on_send_trailers"):
        assert not exchange.complete, "the response had begun: it must look cut"
        assert exchange.closed
    else:
        assert exchange.status == 500
    assert tester.stats.errors >= 1


@pytest.mark.parametrize("nonsense", [42, "Continue", object(), True])
@pytest.mark.parametrize("policy", ["deny", "allow"])
@pytest.mark.parametrize("hook", ["on_receive", "on_send"])
def test_nonsense_for_a_verdict_is_a_failure(nonsense: object, policy: str, hook: str) -> None:
    odd = type("Odd", (StreamFilter,), {hook: lambda self, stream: nonsense})
    tester = FilterTester(odd, entry={"on_error": policy})
    assert tester.request().status == (500 if policy == "deny" else 200)
    assert tester.stats.errors == 1


def test_the_log_shows_where_a_hook_raised_and_nothing_twice(caplog: pytest.LogCaptureFixture) -> None:
    class Raising(StreamFilter[dict[str, object]]):
        def on_receive(self, stream: Stream) -> None:
            raise ValueError("boom")

    odd = type("Odd", (StreamFilter,), {"on_receive": lambda self, stream: 42})
    for kind, traced in ((Raising, True), (odd, False)):
        caplog.clear()
        FilterTester(kind).request()
        failure = next(record for record in caplog.records if "failed in on_receive" in record.getMessage())
        assert (failure.exc_info is not None) == traced, "an error that was raised nowhere has no traceback to show"


def test_nonsense_for_a_chunk_is_a_failure() -> None:
    class Odd(StreamFilter[dict[str, object]]):
        request_body = BodyNeed.CHUNKS

        def on_receive_data(self, stream: Stream, data: bytes) -> bytes:
            return "text"  # type: ignore[return-value]

    assert FilterTester(Odd).request("POST", body=b"abc").status == 500


@pytest.mark.parametrize(("policy", "status"), [("deny", 500), ("allow", 200)])
def test_factory_or_constructor_that_raises(policy: str, status: int) -> None:
    class Raising(StreamFilter[dict[str, object]]):
        def __init__(self, config: dict[str, object]) -> None:
            raise ValueError("boom")

        def on_receive(self, stream: Stream) -> None:
            raise AssertionError

    class Factory(StreamFilterFactory):
        def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
            callbacks.add(object())  # type: ignore[arg-type]

    for target in (Raising, lambda config: Factory()):
        tester = FilterTester(target, entry={"on_error": policy})
        assert tester.request().status == status
        assert tester.stats.errors == 1
