"""What a scenario reports, and how it looks as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One measured figure beside its target.

    :ivar work: what was measured
    :ivar against: what it is compared with
    :ivar target: the target, in words
    :ivar value: the figure, with its unit
    :ivar met: whether it meets the target; None: not to be decided on this machine
    """

    work: str
    against: str
    target: str
    value: str
    met: bool | None


@dataclass
class Report:
    """The outcome of one scenario.

    :ivar scenario: its name
    :ivar findings: figures with targets
    :ivar details: a table of everything measured: its heading, then its rows
    :ivar notes: what a reader has to know to judge the figures
    :ivar raw: all rounds, for the result file
    """

    scenario: str
    findings: list[Finding] = field(default_factory=list)
    details: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, object] = field(default_factory=dict)

    def markdown(self, when: str, machine: str) -> str:
        """The report as Markdown.

        :param when: date of the run
        :param machine: what it ran on
        """
        parts = [f"Measured {when} on {machine}."]
        if self.details:
            parts.append(table(self.details[0], self.details[1:]))
        if self.findings:
            rows = [(f.work, f.against, f.target, f.value, _verdict(f.met)) for f in self.findings]
            parts.append(table(("work", "against", "target", "measured", "met"), rows))
        parts.extend(self.notes)
        return "\n\n".join(parts)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, columns padded so that it reads as plain text too."""
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]
    lines = [heading, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines)


def _verdict(met: bool | None) -> str:
    return "not decided" if met is None else ("yes" if met else "no")
