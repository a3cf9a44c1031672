"""What the figures were taken on, and which of its cores do what."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """The machine of a run.

    :ivar cpu: model name of the processor
    :ivar cores: the cores that this process may use, in order
    :ivar kernel: kernel release
    :ivar python: version of the Python that runs the benchmark, and so Headgate
    """

    cpu: str
    cores: list[int]
    kernel: str
    python: str

    @property
    def proxy_core(self) -> int:
        """The core that the proxy under test has to itself."""
        return self.cores[0]

    @property
    def load_core(self) -> int:
        """The core of backend and load generator."""
        return self.cores[1]

    def describe(self) -> str:
        """One line for the report."""
        return f"{self.cpu}, {len(self.cores)} cores, Linux {self.kernel}, Python {self.python}"


def this_machine() -> Machine:
    """The machine at hand.

    :raises SystemExit: with fewer than two cores: proxy and load would measure each other
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("bench: two cores are needed: one for the proxy, one for backend and load generator")
    return Machine(_cpu_model(), cores, platform.release(), platform.python_version())


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
