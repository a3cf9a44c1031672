"""A filter of each kind is replaced under the load of wrk, whose own report must know of no failed request."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest

from tests.conformance.programs import Programs
from tests.integration.backends import Backend, BackendFactory
from tests.integration.harness import HeadgateFactory, until
from tests.integration.runtimes.marking import KINDS, PLUGIN, by_rename, text
from tests.integration.runtimes.swap import Swap, file_entry, plugin_entry

VERSIONS = ("2", "3", "4")
FAILURES = ("Non-2xx", "Socket errors")
"""Lines that wrk prints only if there is something to tell."""


class Wrk:
    """wrk from its start to its report; it is interrupted at the end, as it would run for a minute otherwise.

    :param backend: where its requests arrive
    :ivar report: what it printed, once it has ended
    """

    def __init__(self, url: str, backend: Backend) -> None:
        self._backend = backend
        # In the time that wrk gives a request by default (2 s), a machine with other work to do may not get round to it.
        arguments = ["--threads", "1", "--connections", "8", "--duration", "60s", "--timeout", "20s", url]
        self._process = subprocess.Popen([Programs.find("wrk"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.report = ""

    @property
    def answered(self) -> int:
        """Requests that have come to the backend."""
        return len(self._backend.requests)

    def wait_for(self, answered: int) -> None:
        """Wait until that many have."""
        until(lambda: self.answered >= answered, f"{answered} requests")

    def __enter__(self) -> Wrk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            output, _ = self._process.communicate(timeout=30.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, _ = self._process.communicate()
        self.report = output.decode(errors="replace")


def swap_under_wrk(swap: Swap, replace: Callable[[str], None]) -> None:
    """Replace the filter three times."""
    host, port = swap.proxy.address()
    with Wrk(f"http://{host}:{port}/", swap.upstream) as wrk:
        swap.run_under(wrk, replace, VERSIONS)
    found = re.search(r"(\d+) requests in", wrk.report)
    assert found is not None, wrk.report
    assert int(found[1]) >= 50 * len(VERSIONS), wrk.report
    assert not [line for line in FAILURES if line in wrk.report], wrk.report


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_WASM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_replaced(kind: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    name, write = KINDS[kind]
    path = tmp_path / name
    write(path, "1")
    swap_under_wrk(Swap(headgate, backend, file_entry(kind, path)), lambda version: by_rename(write, path, version))


def test_a_plugin_process_is_replaced(headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    write = text(PLUGIN)

    def place(version: str) -> None:
        write(tmp_path / f"marker-{version}", version)

    place("1")
    swap_under_wrk(Swap(headgate, backend, plugin_entry(tmp_path)), place)
