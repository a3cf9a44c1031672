"""Which of these tests belong to which build."""

from __future__ import annotations

from headgate.cli.version import build_kind

collect_ignore: list[str] = []
if build_kind() == "compiled":
    # Classes compiled by mypyc take no interpreted subclasses, and what has a deadline is a subclass.
    collect_ignore += ["test_deadlines.py"]
