"""Memory bombs in what has no limit of its own: Python and native code in the worker. Lua and WASM have one: their own tests.

A shared object that has no memory left ends its process (Rust's allocator and Go's runtime do), or the kernel does.
"""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config, until
from tests.native.build import build

PYTHON = """
from headgate.api import StreamFilter

class Bomb(StreamFilter):
    def on_receive(self, stream):
        if stream.request.path == "/bomb":
            kept = []
            while True:
                kept.append(bytes(1 << 56))
"""

NATIVE = """
#include <headgate_filter.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }
hg_factory *headgate_factory_create(const hg_host *h, const char *c, size_t l, hg_error *e) {
  (void)h; (void)c; (void)l; (void)e;
  return (hg_factory *)1;
}
void headgate_factory_destroy(hg_factory *f) { (void)f; }
int32_t headgate_on_request(hg_factory *f, hg_filter *x, hg_stream *s, const hg_head *head, hg_error *e) {
  hg_text what;
  (void)f; (void)x; (void)s; (void)e;
  if (!hg_field_get(head, "x-bomb", 6, &what)) return HG_CONTINUE;
  if (hg_text_equal(what, "killed", 6)) raise(SIGKILL); /* as the kernel does when memory is short */
  struct rlimit limit = {1, 1}; /* no more than there is */
  setrlimit(RLIMIT_AS, &limit);
  for (;;) {
    char *memory = malloc(16 << 20);
    if (memory == NULL) abort();
    memset(memory, 1, 16 << 20);
  }
}
"""


def test_in_python_it_costs_its_request(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    path = tmp_path / "bomb.py"
    path.write_text(PYTHON)
    entry = {"type": "module", "name": "bomb", "path": str(path), "factory": "Bomb"}
    proxy = headgate(simple_config(backend().address, stream_filters=[entry]))
    workers = proxy.workers()
    assert proxy.get("/bomb").status == 500
    until(lambda: "stream filter bomb failed in on_receive: MemoryError" in proxy.logs)
    assert proxy.get("/").status == 200
    assert proxy.workers() == workers


@pytest.mark.parametrize("end", ["aborted", "killed"])
def test_in_native_code_it_costs_its_worker_once(end: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    source = tmp_path / "bomb.c"
    source.write_text(NATIVE)
    entry = {"type": "native", "name": "bomb", "path": str(build(source, tmp_path / "bomb.so"))}
    proxy = headgate(simple_config(backend().address, stream_filters=[entry]), workers=2)
    before = proxy.workers()
    with contextlib.suppress(http.client.HTTPException, OSError):
        proxy.get("/", {"X-Bomb": end})
    until(lambda: "stream filter bomb of listener listener brought worker" in proxy.logs, "the supervisor names who is to blame")
    until(lambda: len(proxy.workers()) == 2 and proxy.workers() != before, "the worker is replaced")
    assert {proxy.get("/", {"X-Bomb": end}).status for _ in range(20)} == {503}, "set aside in both workers"
    assert len(set(before) & set(proxy.workers())) == 1
