"""Modules that promise to use a stream's name in its hook only, and those that do not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.observe.custom_metrics import CUSTOM_METRICS
from headgate.proxy.filter_entry import FilterEntry
from headgate.runtimes.native import abi
from headgate.runtimes.native.factory import NativeFilterFactory
from headgate.testing import Exchange, FilterTester
from headgate.testing.in_memory_proxy import InMemoryProxy
from tests.native.build import build

SOURCE = """
#include <headgate_filter.h>
#include <stdio.h>
static const hg_host *host;
static hg_stream *kept;
static hg_later *later;
static const hg_module_info info = {sizeof(hg_module_info), 0, 0, 0, FEATURES, {0, 0}};
uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }
const hg_module_info *headgate_module_info(void) { return &info; }
hg_factory *headgate_factory_create(const hg_host *given, const char *config, size_t length, hg_error *error) {
  (void)length; (void)error;
  host = given;
  return (hg_factory *)(config[2] == 'r' ? "route" : "entry");
}
void headgate_factory_destroy(hg_factory *factory) { (void)factory; }
int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  char text[64];
  hg_text what;
  (void)filter;
  if (!hg_field_get(head, "do", 2, &what) || hg_text_equal(what, "pass", 4)) return HG_CONTINUE;
  if (hg_text_equal(what, "fail", 4)) { hg_error_set(error, "so it is", 8); return HG_FAILED; }
  if (hg_text_equal(what, "hold", 4)) { kept = stream; later = host->later_create(stream); return HG_LATER; }
  int length = hg_text_equal(what, "end", 3) ? snprintf(text, sizeof text, "%d", host->terminate(kept, 503))
    : hg_text_equal(what, "config", 6) ? snprintf(text, sizeof text, "%s", (const char *)factory)
    : snprintf(text, sizeof text, "%d", host->later_complete(later, HG_STOP, 200, NULL, 0, "held", 4));
  host->reply(stream, 200, NULL, 0, text, (size_t)length);
  return HG_STOP;
}
"""


def built(folder: Path, text: str = SOURCE, features: str = "HG_MODULE_HOOK_ONLY") -> Path:
    source = folder / "module.c"
    source.write_text(text)
    return build(source, folder / "module.so", f"-DFEATURES={features}")


@pytest.fixture
def hook_only(tmp_path: Path) -> Path:
    return built(tmp_path)


def filter_tester(module: Path, **more: object) -> FilterTester:
    return FilterTester("native", {}, entry={"path": str(module), **more})


async def ask(proxy: InMemoryProxy, what: str) -> Exchange:
    client = proxy.connect("listener")
    exchange = await client.exchange("GET", "/", {"Do": what}, b"", None, 10.0)
    client.leave()
    return exchange


def held_and(what: str, module: Path) -> tuple[Exchange, Exchange]:
    """What becomes of a request that waits, and of another that does something about it."""

    async def both() -> tuple[Exchange, Exchange]:
        proxy = filter_tester(module).proxy()
        waiting = asyncio.create_task(ask(proxy, "hold"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        other = await ask(proxy, what)
        if what != "complete" and other.body != b"0":
            await ask(proxy, "complete")
        return await waiting, other

    return asyncio.run(both())


def test_a_name_is_out_of_use_after_its_hook(hook_only: Path) -> None:
    waiting, other = held_and("end", hook_only)
    assert other.body == str(abi.GONE).encode()
    assert (waiting.status, waiting.body) == (200, b"held")


def test_without_the_promise_it_lasts_as_long_as_the_stream(tmp_path: Path) -> None:
    waiting, other = held_and("end", built(tmp_path, features="0"))
    assert other.body == b"0"
    assert waiting.status == 503


def test_a_verdict_may_come_later_all_the_same(hook_only: Path) -> None:
    waiting, other = held_and("complete", hook_only)
    assert (waiting.status, waiting.body, other.body) == (200, b"held", b"0")


def test_failures_go_by_the_entry_s_policy(hook_only: Path) -> None:
    assert filter_tester(hook_only).request(headers={"Do": "fail"}).status == 500
    assert filter_tester(hook_only, on_error="allow").request(headers={"Do": "fail"}).status == 200


def test_a_route_s_configuration(tmp_path: Path) -> None:
    module = built(tmp_path, SOURCE.replace("{sizeof(hg_module_info), 0,", "{sizeof(hg_module_info), HG_AFTER_ROUTE,"))
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"native": {"route": 1}}}
    routed = FilterTester("native", {}, entry={"path": str(module)}, route=route)
    assert routed.request(headers={"Do": "config"}).body == b"route"
    assert FilterTester("native", {}, entry={"path": str(module)}).request(headers={"Do": "config"}).body == b"entry"


def test_nothing_of_a_request_is_kept(hook_only: Path) -> None:
    async def entry() -> FilterEntry:
        proxy = filter_tester(hook_only).proxy()
        for what in ("pass", "config", "fail"):
            await ask(proxy, what)
        snapshot = proxy._runtime.listeners["listener"]
        assert snapshot.quiet_chain is not None, "what the promise is for"
        return snapshot.entries[0]

    factory = asyncio.run(entry()).factory
    assert isinstance(factory, NativeFilterFactory)
    assert factory._module.streams == {}


def test_state_of_a_filter_s_own_needs_the_usual_way(tmp_path: Path) -> None:
    """The promise is not enough for a module that is to hear of the end of each request."""
    destroyed = """
hg_filter *headgate_filter_create(hg_factory *factory, hg_stream *stream, hg_error *error) {
  (void)stream; (void)error; return (hg_filter *)factory;
}
void headgate_filter_destroy(hg_filter *filter) { (void)filter; host->counter_add("hook_only.destroyed", 19, 1); }
"""
    module = built(tmp_path, SOURCE + destroyed)
    for what in ("config", "fail"):
        filter_tester(module).request(headers={"Do": what})
    assert [group["counters"]["hook_only.destroyed"] for group in CUSTOM_METRICS.snapshot() if group["type"] == "native"] == [2]
