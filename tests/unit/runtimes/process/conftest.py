"""Which of these tests belong to which build."""

from __future__ import annotations

from headgate.cli.version import build_kind

collect_ignore: list[str] = []
if build_kind() == "compiled":
    # It stands in for a receiver with a class of its own, and classes compiled by mypyc take no interpreted subclasses.
    collect_ignore += ["test_stdio_stream.py"]
