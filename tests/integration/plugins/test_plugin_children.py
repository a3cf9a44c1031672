"""What a plugin has started does not keep its place empty when the plugin itself ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.integration.harness import HeadgateFactory, alive, until
from tests.integration.plugins.asking import ASKER, SERVING, asking_config, plugin, plugin_pids, write_plugin


def test_a_plugin_that_leaves_a_child_is_started_again(headgate: HeadgateFactory, tmp_path: Path) -> None:
    proxy = headgate(asking_config(plugins=[plugin(write_plugin(tmp_path, SERVING))]), extensions=[ASKER])
    child = int(proxy.get("/child").body)  # it has the plugin's standard output and error
    (first,) = plugin_pids(proxy)
    os.kill(first, signal.SIGKILL)
    until(lambda: not alive(child), "the child is gone, too")
    until(lambda: plugin_pids(proxy) not in ([], [first]), "another process is up")
    assert int(proxy.get("/pid").body) != first
