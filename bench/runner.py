"""Runs the scenarios, prints their reports, keeps the raw rounds."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.load import LoadFailed
from bench.machine import Machine, this_machine
from bench.native_modules import BuildFailed
from bench.page import write_report
from bench.places import OTHER_PAGES, PERFORMANCE_PAGE, RESULTS
from bench.report import Report
from bench.rounds import Bench, Options, say
from bench.scenarios import http1, latency, memory, plugin, reload, runtimes, tls, workers
from bench.service import ServiceFailed

SCENARIOS: dict[str, Callable[[Bench], Report]] = {
    "http1": http1.run,
    "tls": tls.run,
    "plugin": plugin.run,
    "runtimes": runtimes.run,
    "latency": latency.run,
    "workers": workers.run,
    "memory": memory.run,
    "reload": reload.run,
}

_QUICK = Options(rounds=1, seconds=2.0)


def main() -> None:
    """The command line."""
    arguments = _parser().parse_args()
    options = _QUICK if arguments.quick else Options(arguments.rounds, arguments.seconds)
    machine = this_machine()
    when = datetime.now(UTC)
    failed = False
    for name in arguments.scenario or SCENARIOS:
        say(f"{name}: {options.rounds} rounds of {options.seconds:g} s")
        with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
            # The proxies give up their root rights and must still reach their files.
            Path(folder).chmod(0o755)
            try:
                began = time.monotonic()
                report = SCENARIOS[name](Bench(machine, Path(folder), options))
            except (ServiceFailed, LoadFailed, BuildFailed) as failure:
                say(f"{name}: failed: {failure}")
                failed = True
                continue
        say(f"{name}: took {time.monotonic() - began:.0f} s")
        _keep(report, options, machine, when)
        print(f"## {name}\n\n{report.markdown(f'{when:%Y-%m-%d}', machine.describe())}\n", flush=True)
        if arguments.write_docs:
            for page in (PERFORMANCE_PAGE, *OTHER_PAGES.get(name, ())):
                write_report(page, report, f"{when:%Y-%m-%d}", machine.describe())
    if failed:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Headgate beside nginx, HAProxy and Envoy.")
    parser.add_argument(
        "--scenario", type=_scenarios, action="extend", metavar="NAME[,NAME]", help=f"only these; may be repeated: {', '.join(SCENARIOS)}"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds for each proxy (default: 5)")
    parser.add_argument("--seconds", type=float, default=4.0, metavar="S", help="load in each round (default: 4)")
    parser.add_argument("--quick", action="store_true", help="one round of 2 seconds: shows that it works, measures little")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into the documentation")
    return parser


def _scenarios(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SCENARIOS:
            raise argparse.ArgumentTypeError(f"no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    return names


def _keep(report: Report, options: Options, machine: Machine, when: datetime) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{when:%Y%m%dT%H%M%SZ}-{report.scenario}.json"
    content = {
        "scenario": report.scenario,
        "when": when.isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "findings": [vars(finding) for finding in report.findings],
        "raw": report.raw,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    say(f"{report.scenario}: raw rounds in {path}")
