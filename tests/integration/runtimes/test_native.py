"""Shared objects in real workers: verdicts that come later, and one that never returns. A crash: test_native_crash.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import HeadgateFactory, simple_config, until
from tests.integration.proxy.configs import two_listeners
from tests.integration.proxy.good_traffic import GoodTraffic
from tests.integration.proxy.wire import CutResponseError, Wire
from tests.native.build import FOLDER, build

ENDLESS = """
#include <headgate_filter.h>
uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }
hg_factory *headgate_factory_create(const hg_host *h, const char *c, size_t l, hg_error *e) {
  (void)h; (void)c; (void)l; (void)e;
  return (hg_factory *)1;
}
void headgate_factory_destroy(hg_factory *f) { (void)f; }
int32_t headgate_on_request(hg_factory *f, hg_filter *x, hg_stream *s, const hg_head *head, hg_error *e) {
  hg_text value;
  volatile int on = hg_field_get(head, "x-loop", 6, &value);
  (void)f; (void)x; (void)s; (void)e;
  while (on) {}
  return HG_CONTINUE;
}
"""


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(FOLDER / "exercise.c", tmp_path_factory.mktemp("native") / "exercise.so")


def test_verdicts_from_the_module_s_own_threads(headgate: HeadgateFactory, backend: BackendFactory, exercise: Path) -> None:
    """Many at once, from threads that the worker knows nothing of; the worker serves others meanwhile."""

    def respond(request: RecordedRequest) -> Reply:
        return Reply(body=request.target.encode())

    proxy = headgate(simple_config(backend(respond).address, stream_filters=[{"type": "native", "path": str(exercise)}]), workers=2)

    def ask(number: int) -> tuple[int, bytes]:
        kind = ("later", "later-reply", "later-fail", "read-nothing")[number % 4]
        response = proxy.get(f"/{number}", {"Do": kind})
        return response.status, response.body

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(80)))
    for number, (status, body) in enumerate(answers):
        assert status == (200, 429, 500, 200)[number % 4]
        assert number % 4 == 2 or body == (b"later" if number % 4 == 1 else f"/{number}".encode())
    assert "thread not noticed" not in proxy.logs
    assert len(proxy.workers()) == 2


def test_an_endless_loop_costs_its_worker(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """Nothing can interrupt native code from within: the watchdog names it, the supervisor replaces the worker."""
    source = tmp_path / "endless.c"
    source.write_text(ENDLESS)
    library = build(source, tmp_path / "endless.so")
    watchdog = {"warn_after": "100ms", "kill_after": "1s"}
    config = two_listeners(
        simple_config(backend().address, top={"watchdog": watchdog}), [{"type": "native", "name": "endless", "path": str(library)}]
    )
    proxy = headgate(config, workers=2)
    before = proxy.workers()
    with Wire(proxy.address()) as victim:
        assert victim.get().status == 200
        victim.send("GET / HTTP/1.1\r\nHost: a\r\nX-Loop: 1\r\n\r\n")
        until(lambda: "stream filter endless blocks the event loop" in proxy.logs, "the watchdog names it")
        with GoodTraffic(proxy.address("plain")) as traffic, pytest.raises((CutResponseError, ConnectionResetError)):
            victim.response()
        traffic.assert_nothing_lost()
    until(lambda: len(set(proxy.workers())) == 2 and set(proxy.workers()) != set(before), "a new worker serves in its place")
    assert len(set(proxy.workers()) & set(before)) == 1
    assert [proxy.get("/").status for _ in range(20)] == [200] * 20
    assert proxy.metric("server_worker_kills_total") == 1
