"""``headgate start --watch``: what changes on disk is taken up, and what is broken changes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config, until

FILTER = """
from headgate.api import StreamFilter

class Answer(StreamFilter):
    def on_send(self, stream):
        stream.response.headers.set("X-Version", VERSION)

VERSION = "{}"
"""


def test_a_changed_file_is_taken_up_and_a_broken_one_changes_nothing(
    headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path
) -> None:
    file = tmp_path / "answer.py"
    file.write_text(FILTER.format("1"))
    entry = {"type": "module", "path": str(file), "factory": "Answer"}
    proxy = headgate(simple_config(backend().address, stream_filters=[entry]), arguments=["--watch"])

    def version() -> str | None:
        return proxy.get("/").headers["X-Version"]

    assert version() == "1"
    file.write_text(FILTER.format("22"))
    until(lambda: version() == "22", "the new version answers")
    file.write_text("def broken(:\n")
    until(lambda: f"{file}:1" in proxy.logs, "the broken file is reported with its line")
    assert version() == "22"
    file.write_text(FILTER.format("333"))
    until(lambda: version() == "333", "the mended version answers")
