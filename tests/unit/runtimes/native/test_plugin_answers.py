"""Calls to plugins that outlive the requests, and the module, that made them."""

from __future__ import annotations

import ctypes
from pathlib import Path

from headgate.api.plugin import PluginCall, PluginClient, PluginDefinition, PluginError, PluginHost, PluginReceiver, plugins_from
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.runtimes.native.crash_note import NOTE
from headgate.testing import FilterTester
from tests.native.build import build

MODULE = """
#include <headgate_filter.h>
#include <stdlib.h>
static const hg_host *host;
static int *seen; /* the test's memory: callbacks, and how many of them told of a failure */
static const hg_module_info info = {sizeof(hg_module_info), 0, 0, 0, HG_MODULE_MAY_UNLOAD, {0, 0}};
uint32_t headgate_abi_version(void) { return HG_ABI_VERSION; }
const hg_module_info *headgate_module_info(void) { return &info; }
hg_factory *headgate_factory_create(const hg_host *h, const char *c, size_t l, hg_error *e) {
  (void)l; (void)e;
  host = h;
  seen = (int *)strtoull(c + sizeof("{\\"seen\\":") - 1, 0, 10);
  return host->plugin_register("slow", 4, 0, 0) == HG_OK ? (hg_factory *)1 : 0;
}
void headgate_factory_destroy(hg_factory *f) { (void)f; }
static void answered(void *user, hg_stream *s, int32_t status, const hg_pair *p, size_t n, hg_text body, hg_text failure) {
  (void)user; (void)s; (void)status; (void)p; (void)n; (void)body;
  seen[0]++;
  if (failure.length) seen[1]++;
}
int32_t headgate_on_request(hg_factory *f, hg_filter *x, hg_stream *s, const hg_head *h, hg_error *e) {
  hg_text none = {0, 0};
  (void)f; (void)x; (void)h; (void)e;
  host->plugin_call(s, "slow", 4, 0, 0, none.data, 0, 60000, answered, 0);
  host->counter_add("asked", 5, 1);
  return HG_CONTINUE;
}
"""


class Slow(PluginClient):
    """Answers when the test says so, or refuses at once."""

    def __init__(self) -> None:
        self.name = "slow"
        self.receivers: list[PluginReceiver] = []
        self.cancelled = 0
        self.refuses = False
        self.noted: list[tuple[str, str] | None] = []

    def start(self, request: PluginRequest, timeout: float, receiver: PluginReceiver) -> PluginCall:
        if self.refuses:
            receiver.on_plugin_failure(PluginError("overflow", "too many"))
            self.noted.append(NOTE.read())
        else:
            self.receivers.append(receiver)
        return Call(self)


class Call(PluginCall):
    def __init__(self, client: Slow) -> None:
        self._client = client

    def cancel(self) -> None:
        self._client.cancelled += 1


class Host(PluginHost):
    def __init__(self) -> None:
        self.client = Slow()

    def register(self, definition: PluginDefinition) -> PluginClient:
        return self.client


def _asks(folder: Path, host: Host, seen: object) -> FilterTester:
    source = folder / "module.c"
    source.write_text(MODULE)
    module = build(source, folder / "module.so", "-Wno-unused-function")
    with plugins_from(host):
        return FilterTester("native", {"seen": ctypes.addressof(seen)}, entry={"path": str(module)})  # type: ignore[arg-type]  # an array


def test_a_module_that_is_unloaded_has_had_every_callback(tmp_path: Path) -> None:
    host, seen = Host(), (ctypes.c_int * 2)()
    with plugins_from(host):
        assert _asks(tmp_path, host, seen).request().status == 200  # and its configuration is over with it
    assert len(host.client.receivers) == host.client.cancelled == 1
    assert list(seen) == [1, 1]
    # What comes late, whatever the cause, must not be called in code that is gone.
    host.client.receivers[0].on_plugin_response(PluginResponse())
    assert list(seen) == [1, 1]


def test_a_call_that_fails_at_once_leaves_the_note_of_the_hook(tmp_path: Path) -> None:
    host, seen = Host(), (ctypes.c_int * 2)()
    host.client.refuses = True
    with plugins_from(host):
        assert _asks(tmp_path, host, seen).request().status == 200
    assert list(seen) == [1, 1]
    assert host.client.noted[0] is not None
    assert NOTE.read() is None
