"""Plugins under a host that is written in Go on hashicorp/go-plugin, as MOSN is: what is written for Headgate runs there. And what
go-plugin does with a plugin's output, under Headgate.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conformance.plugin_programs import ROOT, built
from tests.conformance.programs import Programs
from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config, until

EXAMPLE = ROOT / "examples" / "plugin_filter"
CALLS = 5000


def command(plugin: str) -> list[str]:
    """The command line of a plugin."""
    if plugin == "java":
        return ["java", "-jar", str(built("plugin_filter/java/target/checker.jar"))]
    if plugin == "go":
        return [str(built("plugin_filter/go/checker"))]
    return [sys.executable, str(EXAMPLE / plugin)]


@pytest.mark.parametrize("host", ["host", "host-1.0.1"])
@pytest.mark.parametrize("plugin", ["checker.py", "checker_grpcio.py", "go", "java"])
def test_runs_under_a_go_host(host: str, plugin: str, programs: Programs) -> None:
    """Handshake, broker, calls from eight goroutines (some with a body), and an end at the host's request, without being killed.

    The host is built with the newest go-plugin, and with the release that MOSN uses.
    """
    output = programs.run(str(built(host)), "-calls", str(CALLS), *command(plugin), "-c", str(EXAMPLE / "checkconf.json"))
    seen = json.loads(output.splitlines()[0])
    assert seen == {"admin": 0, "guest": -1, "calls": CALLS, "failed": 0, "first_error": "", "killed": False, "exit_code": 0}, output


def test_under_a_go_host_a_stray_print_does_no_harm(programs: Programs, tmp_path: Path) -> None:
    """What a plugin prints after its first line is no part of the protocol."""
    program = tmp_path / "printing.py"
    source = (EXAMPLE / "checker.py").read_text()
    program.write_text(source.replace("        for name, value in", "        print('1|1|tcp|nonsense')\n        for name, value in", 1))
    assert "nonsense" in program.read_text()
    output = programs.run(str(built("host")), "-calls", "100", sys.executable, str(program), "-c", str(EXAMPLE / "checkconf.json"))
    assert json.loads(output.splitlines()[0])["failed"] == 0


def test_what_a_go_plugin_writes_while_it_serves_arrives(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    """1 MiB on os.Stderr: 16 times what holds up a plugin to whose output nobody listens."""
    plugin = {"name": "writing", "command": [str(built("writing/writing"))]}
    entry = {"type": "plugin", "timeout": "10s", "config": {"plugin": "writing", "preset": "checker"}}
    proxy = headgate(simple_config(backend().address, stream_filters=[entry], top={"plugins": [plugin]}))
    assert {proxy.get("/").status for _ in range(256)} == {200}
    until(lambda: "x" * 63 in proxy.logs)
    until(
        lambda: proxy.get("/", {"Say": "what os.Stdout has"}).status == 200 and "what os.Stdout has" in proxy.logs, "the output is logged"
    )
    assert proxy.stop() == 0
    until(lambda: "lines dropped" in proxy.logs)
