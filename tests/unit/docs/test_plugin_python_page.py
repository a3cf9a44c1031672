"""The page about plugins in Python shows the example's own file, and its other code runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from headgate.plugin import Request, Response

ROOT = Path(__file__).resolve().parents[3]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "plugins" / "python.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_program_is_the_examples() -> None:
    assert BLOCKS[0] == (ROOT / "examples" / "plugin_filter" / "checker.py").read_text()


def test_the_program_answers_one_request_by_hand() -> None:
    """As the page says, with the program's own parser of arguments before ``serve``."""
    folder = ROOT / "examples" / "plugin_filter"
    environment = {name: value for name, value in os.environ.items() if name != "MOSN_PLUGIN"}
    command = [sys.executable, "checker.py", "--once", '{"header": {"User": "admin"}}']
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50.0, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["status"] == 0


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
