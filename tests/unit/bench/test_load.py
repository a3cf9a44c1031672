from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench import load


def answer(monkeypatch: pytest.MonkeyPatch, output: str, log: Path | None = None, lines: str = "") -> None:
    def run(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if log is not None:
            log.write_text(lines, encoding="ascii")
        return subprocess.CompletedProcess(argv, 0, output, "")

    monkeypatch.setattr(subprocess, "run", run)


def test_a_wrk_report_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer(monkeypatch, "Running 2s test\nREPORT 50000 2000000 0 0 350\nP99 900\n")
    result = load.run_wrk(8080, 1, 2.0, tmp_path)
    assert (result.requests, result.rate, result.p50, result.p99) == (50000, 25000.0, 0.35, 0.9)


@pytest.mark.parametrize(
    "report", ["REPORT 50000 2000000 1 0 350\nP99 900", "REPORT 50000 2000000 0 7 350\nP99 900", "REPORT 0 1 0 0 0\nP99 0", ""]
)
def test_wrk_errors_fail_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, report: str) -> None:
    answer(monkeypatch, report)
    with pytest.raises(load.LoadFailed):
        load.run_wrk(8080, 1, 2.0, tmp_path)


@pytest.mark.parametrize(
    ("tls", "keep_alive", "url", "closing"),
    [
        (False, True, "http://127.0.0.1:8080/", False),
        (True, True, "https://127.0.0.1:8080/", False),
        (True, False, "https://127.0.0.1:8080/", True),
    ],
)
def test_wrk_speaks_tls_and_closes_connections_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: bool, keep_alive: bool, url: str, closing: bool
) -> None:
    seen: list[str] = []
    settings: list[str] = []

    def run(argv: list[str], *, env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        seen.extend(argv)
        settings.append(Path(env["OPENSSL_CONF"]).read_text(encoding="ascii"))
        return subprocess.CompletedProcess(argv, 0, "REPORT 50000 2000000 0 0 350\nP99 900\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    load.run_wrk(8080, 1, 2.0, tmp_path, tls=tls, keep_alive=keep_alive)
    assert seen[-1] == url
    assert ("Connection: close" in seen) is closing
    assert f"Ciphersuites = {load.CIPHER}\nGroups = {load.CURVE}" in settings[0]


REQUESTS = "requests: {} total, 4 started, 4 done, 4 succeeded, {} failed, 0 errored, 0 timeout\n"


def test_h2load_percentiles_come_from_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = "".join(f"17\t200\t{microseconds}\n" for microseconds in (100, 400, 200, 300))
    answer(monkeypatch, REQUESTS.format(4, 0), tmp_path / "h2load.log", lines)
    result = load.run_h2load(8080, 1, 2.0, 1000.0, tmp_path)
    assert (result.requests, result.p50, result.p99) == (4, 0.2, 0.4)


@pytest.mark.parametrize(("failed", "status"), [(1, 200), (0, 503)])
def test_h2load_errors_fail_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failed: int, status: int) -> None:
    answer(monkeypatch, REQUESTS.format(4, failed), tmp_path / "h2load.log", f"17\t{status}\t100\n")
    with pytest.raises(load.LoadFailed):
        load.run_h2load(8080, 1, 2.0, 1000.0, tmp_path)
