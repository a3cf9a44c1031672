"""Writes reports into pages of the documentation, each between its own markers."""

from __future__ import annotations

import re
from pathlib import Path

from bench.report import Report


class MarkerMissing(Exception):
    """The page has no place for a scenario."""


def write_report(page: Path, report: Report, when: str, machine: str) -> None:
    """Replace what stands between a scenario's markers.

    :raises MarkerMissing: if the page does not have them
    """
    begin, end = f"<!-- bench:{report.scenario} -->", f"<!-- end of bench:{report.scenario} -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text) is None:
        raise MarkerMissing(f"{page}: {begin} ... {end} not found")
    block = f"{begin}\n{report.markdown(when, machine)}\n{end}"
    page.write_text(pattern.sub(lambda _: block, text), encoding="utf-8")
