"""The documentation's Python samples are run, in order, and the tests among them called."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import headgate.runtimes.builtin  # noqa: F401  # else a sample's import of it would register in the sample's own scope
from headgate.api.registry import ExtensionScope, collecting

DOCS = Path(__file__).resolve().parents[3] / "docs"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PAGES = sorted(page for page in DOCS.rglob("*.md") if _BLOCK.search(page.read_text()))


def run(page: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run all samples of a page in one module; errors name the page's own lines."""
    text = page.read_text()
    module = ModuleType(f"docs_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with collecting(ExtensionScope()):
        for block in _BLOCK.finditer(text):
            lines_before = text.count("\n", 0, block.start(1))
            exec(compile("\n" * lines_before + block.group(1), str(page), "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_samples(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = run(page, monkeypatch)
    tests = [value for name, value in vars(module).items() if name.startswith("test_") and isinstance(value, FunctionType)]
    for test in tests:
        test()
    if page.name == "stream-filters.md":
        assert len(tests) == len(re.findall(r"^def test_", page.read_text(), re.MULTILINE)) > 8


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in DOCS.rglob("*.md")
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
