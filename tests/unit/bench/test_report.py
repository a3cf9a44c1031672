from __future__ import annotations

from pathlib import Path

import pytest

from bench.page import MarkerMissing, write_report
from bench.report import Finding, Report, table
from bench.rounds import Sample, Samples, cpu_of


def sample(cpu: float) -> Sample:
    return Sample(rate=1000.0, cpu=cpu, p50=1.0, p99=2.0)


def test_a_ratio_compares_within_a_round_so_that_drift_drops_out() -> None:
    samples = Samples()
    for factor in (1.0, 2.0, 10.0):
        samples.add("own", sample(15.0 * factor))
        samples.add("other", sample(10.0 * factor))
    assert samples.ratio("own", "other", cpu_of) == pytest.approx(1.5)
    assert samples.median("own", cpu_of) == 30.0
    assert samples.difference("own", "other", cpu_of) == 10.0


def test_a_table_is_padded_so_that_it_reads_as_text() -> None:
    assert table(("a", "long name"), [("value", "1")]) == "| a     | long name |\n| ----- | --------- |\n| value | 1         |"


def test_a_report_shows_what_was_met_and_what_could_not_be_decided() -> None:
    report = Report("x", [Finding("work", "peer", "<= 1 x", "0.9 x", True), Finding("other", "peer", "<= 1 x", "?", None)])
    lines = report.markdown("2026-01-01", "a machine").splitlines()
    assert lines[0] == "Measured 2026-01-01 on a machine."
    assert [line.rstrip(" |").rpartition("| ")[2] for line in lines[-2:]] == ["yes", "not decided"]


def test_a_report_replaces_only_what_stands_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench:x -->\nold\n<!-- end of bench:x -->\nafter\n", encoding="utf-8")
    for _ in range(2):
        write_report(page, Report("x", notes=["a \\1 note"]), "2026-01-01", "a machine")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- bench:x -->\nMeasured 2026-01-01 on a machine.\n\na \\1 note\n<!-- end")
    assert text.endswith("<!-- end of bench:x -->\nafter\n")


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(MarkerMissing):
        write_report(page, Report("x"), "2026-01-01", "a machine")
