"""Reloads leave nothing behind of the files that they loaded."""

from __future__ import annotations

from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config, until

COUNTING = """
import sys
from headgate.api import Status, StreamFilter, stream_filter
{sibling}
{register}
class Counting(StreamFilter):
    def on_receive(self, stream):
        if stream.request.path == "/count":
            count = sum(name.startswith("headgate_extension_") for name in sys.modules)
            stream.reply(200, body=str(count))
            return Status.STOP
"""


def test_modules_of_old_configurations(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    """One extension and one module by path: two modules, after any number of reloads."""
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "extension.py").write_text(COUNTING.format(sibling="import beside", register='@stream_filter("counting")'))
    (tmp_path / "module.py").write_text(COUNTING.format(sibling="import beside", register=""))
    entries = [{"type": "counting"}, {"type": "module", "path": str(tmp_path / "module.py"), "factory": "Counting"}]
    config = simple_config(backend().address, stream_filters=entries, top={"extensions": [str(tmp_path / "extension.py")]})
    proxy = headgate(config)
    assert proxy.get("/count").body == b"2"
    for _ in range(5):
        assert proxy.reload().ok
        until(lambda: proxy.get("/count").body == b"2", "the old configuration is over, and its modules are forgotten")
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError\n")
    entries.append({"type": "module", "path": str(broken)})
    config["servers"][0]["listeners"][0]["stream_filters"] = entries
    assert not proxy.reload(config).ok
    until(lambda: proxy.get("/count").body == b"2", "nor does a refused configuration leave any")
