"""A factory that cannot start when its configuration comes into force: its entry's policy answers, everything else goes on."""

from __future__ import annotations

import asyncio

import pytest

from headgate.api import FilterCallbacks, StreamFilter, StreamFilterFactory, stream_filter
from headgate.api.registry import ExtensionScope, collecting
from headgate.testing import FilterTester


class Passes(StreamFilter[object]):
    """Another filter of the listener."""


def starting(attempts: list[BaseException | None], made: list[str], **entry: object) -> FilterTester:
    """One whose filter's factory starts as often as there is None."""

    class Factory(StreamFilterFactory):
        def start(self) -> None:
            error = attempts.pop(0)
            if error is not None:
                raise error

        def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
            made.append("filter")

    def create(config: object) -> StreamFilterFactory:
        return Factory()

    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("starting")(create)
    return FilterTester(Passes, scope=scope, filters=[{"type": "starting", **entry}])


@pytest.mark.parametrize("error", [RuntimeError("no thread"), SystemExit(1)])
@pytest.mark.parametrize(("policy", "status"), [("deny", 503), ("allow", 200)])
def test_it_is_set_aside_by_its_policy(error: BaseException, policy: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    made: list[str] = []
    assert starting([error], made, on_error=policy).request().status == status
    assert made == []
    assert "stream filter starting could not be started" in caplog.text


def test_it_is_started_again_after_the_back_off() -> None:
    attempts: list[BaseException | None] = [RuntimeError("first"), RuntimeError("second"), None]
    made: list[str] = []
    testing = starting(attempts, made, quarantine={"backoff": "20ms"})

    async def run() -> list[int]:
        proxy = testing.proxy()
        found: list[int] = []
        while not found or found[-1] != 200:
            client = proxy.connect("listener")
            found.append((await client.exchange("GET", "/", {}, b"", None, 5)).status)
            client.leave()
            await asyncio.sleep(0.005)
        proxy.close()
        return found

    found = asyncio.run(run())
    assert set(found[:-1]) <= {503}  # none, if the loop was held up until it was over
    assert attempts == []
    assert made == ["filter"]
