"""How long a shared object's code stays: until its last request has ended, and then as long as it has promised nothing."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory, RecordedRequest, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.native.build import build

BOTH_WAYS = """
#include <headgate_filter.h>
static const hg_host *host;
static const hg_module_info info = {sizeof(hg_module_info), 0, 0, 0, FEATURES, {0, 0}};
uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }
const hg_module_info *headgate_module_info(void) { return &info; }
hg_factory *headgate_factory_create(const hg_host *given, const char *config, size_t length, hg_error *error) {
  (void)config; (void)length; (void)error;
  host = given;
  return (hg_factory *)&host;
}
void headgate_factory_destroy(hg_factory *factory) { (void)factory; host = NULL; }
int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  (void)factory; (void)filter; (void)stream; (void)head; (void)error;
  return HG_CONTINUE;
}
int32_t headgate_on_response(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {
  (void)factory; (void)filter; (void)head; (void)error;
  host->response_header_set(stream, "X-Version", 9, VERSION, sizeof VERSION - 1);
  return HG_CONTINUE;
}
"""


def loaded(proxy: Headgate) -> int:
    """How many modules lie in the only worker's memory."""
    (worker,) = proxy.workers()
    return len(set(re.findall(r" r-xp \S+ \S+ (\d+) .*memfd:marker.so", Path(f"/proc/{worker}/maps").read_text())))


@pytest.mark.parametrize(("features", "kept"), [("HG_MODULE_MAY_UNLOAD", 1), ("0", 2)])
def test_old_code_answers_its_last_request(
    features: str, kept: int, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path
) -> None:
    source, path = tmp_path / "marker.c", tmp_path / "marker.so"
    source.write_text(BOTH_WAYS)

    def write(version: str) -> None:
        build(source, path, f'-DVERSION="{version}"', f"-DFEATURES={features}")

    held = threading.Event()

    def respond(request: RecordedRequest) -> Reply:
        return Reply(wait=held if request.target == "/held" else None)

    upstream = backend(respond)
    write("1")
    proxy = headgate(simple_config(upstream.address, stream_filters=[{"type": "native", "path": str(path)}]))
    old: list[str | None] = []
    waiting = threading.Thread(target=lambda: old.append(proxy.get("/held").headers.get("X-Version")))
    waiting.start()
    until(lambda: any(request.target == "/held" for request in upstream.requests), "a request is under way")
    write("2")
    assert proxy.reload().ok
    assert proxy.get("/").headers.get("X-Version") == "2"
    assert loaded(proxy) == 2, "the old code is there for the request that is under way"
    held.set()
    waiting.join(30)
    assert old == ["1"]
    until(lambda: loaded(proxy) == kept, "what may be unloaded is, the rest stays")
    assert proxy.get("/").headers.get("X-Version") == "2"
