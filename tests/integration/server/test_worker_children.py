"""What a worker has started does not keep its place empty when the worker ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config, until

STARTS_A_CHILD = """
import os, pathlib, subprocess
with open({path!r}, "a") as file:
    file.write(f"{{subprocess.Popen(['sleep', '600'], stdin=subprocess.DEVNULL).pid}}\\n")
"""


def test_a_worker_that_leaves_a_child_is_replaced(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    children = tmp_path / "children"
    proxy = headgate(simple_config(backend().address), workers=1, extensions=[STARTS_A_CHILD.format(path=str(children))])
    (victim,) = proxy.workers()
    try:
        os.kill(victim, signal.SIGKILL)  # its child has its standard error
        until(lambda: proxy.workers() not in ([], [victim]), "the worker is replaced")
        assert proxy.get().status == 200
    finally:
        proxy.stop(signal.SIGQUIT)
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
