"""docs/observability.md names exactly what the code has: metrics, variables, flags, levels, formats."""

import re
from pathlib import Path

import pytest

from headgate.observe.access_log import DEFAULT_FORMAT
from headgate.observe.log import FORMATS, LEVELS
from headgate.observe.metric_catalog import LABELS, METRICS
from headgate.observe.stream_info import FLAG_NAMES
from headgate.observe.variables import BUILT_IN_MODULES, VARIABLES

DOCUMENT = (Path(__file__).parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")


def _section(heading: str) -> str:
    """The text below a heading, up to the next one of its rank."""
    rank = heading.split(" ")[0]
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{len(rank)}}} |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found.group(1)


def _rows(text: str) -> list[list[str]]:
    """The cells of the table rows of a text, headings left out."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0].startswith("`")]


@pytest.mark.parametrize("type", list(LABELS))
def test_metrics(type: str) -> None:
    section = _section(f"### {type}")
    documented = [tuple(row) for row in _rows(section)]
    assert documented == [
        (f"`{type}_{metric.key}`", f"`{metric.key}`", metric.kind, metric.help) for metric in METRICS if metric.type == type
    ]
    labels = re.search(r"Labels: (.*?)\.\n", section)
    assert labels is not None
    assert labels.group(1) == (", ".join(f"`{label}`" for label in LABELS[type].split(", ")) if LABELS[type] else "none")


def test_every_metric_type_has_its_section() -> None:
    assert {metric.type for metric in METRICS} == set(LABELS)


def test_variables() -> None:
    cells = [row[0] for row in _rows(_section("### Variables"))]
    documented = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(documented) == len(set(documented))
    built_in = {found.name for found in VARIABLES.registered() if found.origin in BUILT_IN_MODULES}
    assert set(documented) == built_in


def test_prefix_variables_are_shown_as_such() -> None:
    for row in _rows(_section("### Variables")):
        for name, suffix in re.findall(r"`([^`]+)`((?:&lt;name&gt;)?)", row[0]):
            assert name.endswith("_") == bool(suffix), name


def test_response_flags() -> None:
    assert _rows(_section("### Response flags")) == [[f"`0x{bit:x}`", f"`{name}`"] for bit, name in FLAG_NAMES.items()]


def test_the_default_format() -> None:
    assert f"  {DEFAULT_FORMAT}\n" in DOCUMENT


def test_levels_and_formats_of_the_log() -> None:
    section = _section("## The log")
    assert ", ".join(f"`{level}`" for level in LEVELS) in section
    assert all(f"`log_format: {name}`" in section for name in FORMATS)
