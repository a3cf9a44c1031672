"""A reload whose extension hangs while it is loaded: traffic goes on, and the proxy can be stopped all the same."""

from __future__ import annotations

import signal
import threading

from tests.integration.backends import BackendFactory
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until

HANGS = "import time\nprint('hanging', flush=True)\ntime.sleep(600)\n"


def hang_in_reload(proxy: Headgate) -> threading.Thread:
    """Begin a reload that does not end by itself."""
    (proxy.workspace.folder / "extension_0.py").write_text(HANGS)
    reload = threading.Thread(target=proxy.run, args=("reload",), daemon=True)
    reload.start()
    until(lambda: proxy.logs.count("hanging") == 2, "both workers hang in the extension")
    return reload


def test_traffic_goes_on_and_the_proxy_stops(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), extensions=["# nothing\n# yet\n"], workers=2)
    reload = hang_in_reload(proxy)
    assert {proxy.get().status for _ in range(16)} == {200}
    assert proxy.status()["ready"]
    assert proxy.stop(signal.SIGTERM) == 0
    reload.join(30.0)
    assert not reload.is_alive()
    assert "Traceback" not in proxy.logs


def test_it_can_be_stopped_at_once(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    proxy = headgate(simple_config(backend().address), extensions=["# nothing\n# yet\n"], workers=2)
    hang_in_reload(proxy)
    assert proxy.stop(signal.SIGQUIT) == 131
    assert "Traceback" not in proxy.logs
