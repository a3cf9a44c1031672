"""docs/configuration.md: its tables are those of the models, its examples are valid."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from headgate.config import examine
from headgate.config.reference import all_models, reference_markdown, title

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
BEGIN = re.compile(r"<!-- keys: begin\..*? -->\n")
END = "<!-- keys: end -->"
UPDATE = os.environ.get("HEADGATE_UPDATE_GOLDEN") == "1"


def test_the_tables_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    begin = BEGIN.search(page)
    assert begin is not None
    expected = f"{page[: begin.end()]}\n{reference_markdown()}\n{page[page.index(END) :]}"
    if UPDATE:
        PAGE.write_text(expected, encoding="utf-8")
        page = expected
    assert page == expected


@pytest.mark.parametrize("language", ["yaml", "json"])
def test_the_examples_are_valid(language: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    examples = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        found = examine(yaml.safe_load(example) if language == "yaml" else json.loads(example), base="/etc/headgate")
        assert found.errors == ()
        assert found.warnings == ()


def test_headings_and_links() -> None:
    text = reference_markdown()
    headings = {title(model).lower() for model in all_models()}
    assert len(headings) == len(all_models())
    assert set(re.findall(r"\]\(#([a-z0-9]+)\)", text)) <= headings
    assert "Annotated" not in text
