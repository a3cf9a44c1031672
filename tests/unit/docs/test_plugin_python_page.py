"""The page about plugins in Python shows the example's own file, and its other code runs."""

from __future__ import annotations

import re
from pathlib import Path

from headgate.plugin import Request, Response

ROOT = Path(__file__).resolve().parents[3]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "plugins" / "python.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_program_is_the_examples() -> None:
    assert BLOCKS[0] == (ROOT / "examples" / "plugin_filter" / "checker.py").read_text()


def test_the_other_code_runs() -> None:
    for block in BLOCKS[1:]:
        names: dict[str, object] = {"__name__": "page"}
        exec(compile(block, "python.md", "exec"), names)
        check = names["check"]
        assert callable(check)
        response = check(Request({"User": "admin"}))
        assert isinstance(response, Response)
        assert response.status == 0
        test = names.get("test_only_the_administrator_passes", lambda: None)
        assert callable(test)
        test()
