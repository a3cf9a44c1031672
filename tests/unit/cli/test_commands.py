"""Commands that need no running proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headgate.cli import main
from headgate.cli.demo_backend import DemoBackend
from headgate.cli.quickstart import CONFIG_NAME, DemoPorts, command_name, demo_folder, with_ports
from headgate.cli.status_text import status_lines
from headgate.config import parse
from headgate.config.reader import read_file

Make = Callable[..., dict[str, object]]


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=dict(environment), catch_exceptions=False)


def test_help_lists_every_command_and_each_has_help() -> None:
    listed = run("--help").output
    for command in ("start", "check", "quickstart", "stop", "reload", "status", "extensions", "schema", "version"):
        assert f"  {command}" in listed
        assert run(command, "--help").exit_code == 0


def test_unknown_command() -> None:
    assert run("sart").exit_code == 2


def test_version_says_how_it_was_built() -> None:
    result = run("version")
    assert result.exit_code == 0
    assert "(interpreted)" in result.output or "(compiled)" in result.output
    assert "uvloop" in result.output


def test_schema_is_json() -> None:
    assert json.loads(run("schema").output)["$defs"]


def test_extensions_names_what_ships() -> None:
    listed = json.loads(run("extensions", "--json").output)
    assert listed["load_balancers"]["LB_RANDOM"].startswith("headgate.upstream")
    assert "stream_filters" in listed


def test_extensions_names_the_file_of_a_users_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILTER)
    result = run("extensions", "-e", str(tmp_path / "mine.py"))
    assert result.exit_code == 0
    assert any(line.split()[0] == "mine" for line in result.output.splitlines() if line.startswith("  "))


def test_check_accepts(config_file: Path) -> None:
    result = run("check", "-c", str(config_file))
    assert (result.exit_code, result.output) == (0, f"{config_file}: ok\n")


def test_check_takes_the_file_from_the_environment(config_file: Path) -> None:
    assert run("check", HEADGATE_CONFIG=str(config_file)).exit_code == 0


def test_check_prints_the_normal_form(config_file: Path) -> None:
    printed = json.loads(run("check", "--print", "-c", str(config_file)).output)
    assert printed["servers"][0]["listeners"][0]["connection_idle_timeout"] == "1m30s"


def test_check_tells_every_error_with_its_path(tmp_path: Path, configuration: Make) -> None:
    config = configuration(stream_filters=[{"type": "unknown_a"}, {"type": "unknown_b"}])
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    result = run("check", "-c", str(path))
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"servers[0].listeners[0].stream_filters[{i}].type" for i in (0, 1)]


def test_check_finds_what_only_the_extension_knows(tmp_path: Path, configuration: Make) -> None:
    (tmp_path / "mine.py").write_text(FILTER)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(configuration(stream_filters=[{"type": "mine", "config": {"limit": "many"}}])))
    result = run("check", "-c", str(path), "-e", str(tmp_path / "mine.py"))
    assert result.exit_code == 1
    assert "servers[0].listeners[0].stream_filters[0].config.limit" in result.stderr


def test_check_takes_extensions_from_the_environment(tmp_path: Path, configuration: Make) -> None:
    for name in ("mine", "other"):
        (tmp_path / f"{name}.py").write_text(FILTER.replace("mine", name))
    path = tmp_path / "config.json"
    config = configuration(stream_filters=[{"type": name, "config": {"limit": 1}} for name in ("mine", "other")])
    path.write_text(json.dumps(config))
    listed = os.pathsep.join(str(tmp_path / f"{name}.py") for name in ("mine", "other"))
    assert run("check", "-c", str(path), HEADGATE_EXTENSIONS=listed).exit_code == 0


def test_check_survives_an_extension_that_exits(tmp_path: Path, config_file: Path) -> None:
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    result = run("check", "-c", str(config_file), "-e", str(tmp_path / "leaves.py"))
    assert result.exit_code == 1
    assert "SystemExit" in result.stderr


def test_lenient_makes_unknown_keys_warnings(tmp_path: Path, configuration: Make) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**configuration(), "nonsense": 1}))
    assert run("check", "-c", str(path)).exit_code == 1
    result = run("check", "--lenient", "-c", str(path))
    assert result.exit_code == 0
    assert "headgate: warning: nonsense" in result.stderr


def test_start_refuses_a_level_that_does_not_exist(config_file: Path) -> None:
    result = run("start", "-c", str(config_file), "--log-level", "LOUD")
    assert result.exit_code == 2
    assert "'LOUD' is not one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE" in result.stderr


@pytest.mark.parametrize("command", ["stop", "reload", "status"])
def test_commands_for_a_proxy_that_does_not_run(command: str, config_file: Path, tmp_path: Path) -> None:
    result = run(command, "-c", str(config_file), XDG_RUNTIME_DIR=str(tmp_path))
    assert result.exit_code == 1
    assert "headgate: not running: nobody answers on the control socket" in result.stderr


@pytest.mark.parametrize("command", ["stop", "reload", "status"])
def test_commands_want_to_know_which_proxy(command: str) -> None:
    result = run(command)
    assert result.exit_code == 1
    assert "say which proxy is meant" in result.stderr


def test_a_stale_pid_file_hits_nobody(tmp_path: Path) -> None:
    path = tmp_path / "headgate.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        path.write_text(f"{other.pid}\n")
        result = run("stop", "--pid-file", str(path))
        assert other.stdin is not None
        other.stdin.write(b"\n")
    assert result.exit_code == 1
    assert "another program" in result.stderr
    assert other.returncode == 0
    path.write_text(f"{other.pid}\n")
    assert "does not exist" in run("stop", "--pid-file", str(path)).stderr


def test_the_demo_is_a_valid_configuration() -> None:
    folder = demo_folder()
    loaded = parse(read_file(folder / CONFIG_NAME), base=folder)
    assert [listener.address for listener in loaded.config.servers[0].listeners] == ["127.0.0.1:2046"]
    assert run("check", "-c", str(folder / CONFIG_NAME)).exit_code == 0


def test_the_demo_on_other_ports(tmp_path: Path) -> None:
    folder = demo_folder()
    text = with_ports((folder / CONFIG_NAME).read_text(), folder, DemoPorts(1111, 2222, 3333))
    (tmp_path / "config.yaml").write_text(text)
    config = parse(read_file(tmp_path / "config.yaml"), base=tmp_path).config
    assert config.servers[0].listeners[0].address == "127.0.0.1:1111"
    assert config.cluster_manager.clusters[0].hosts[0].address == "127.0.0.1:2222"
    assert config.admin is not None
    assert config.admin.address.socket_address.port_value == 3333
    assert config.extensions == [str(folder / "auth_filter.py")]


def test_demo_backend_names_its_port_before_it_listens() -> None:
    assert DemoBackend(8080).port == 8080


def test_status_text() -> None:
    lines = status_lines(
        {
            "version": "1",
            "ready": False,
            "pid": 2,
            "uptime": 3.0,
            "generation": 4,
            "config": "/c",
            "control_socket": "/s",
            "admin": None,
            "listeners": {"a": "127.0.0.1:5"},
            "last_reload": {"ok": False, "errors": ["x: wrong"]},
            "workers": [{"slot": 0, "pid": 6, "state": "waiting", "last_death": "killed by SIGKILL"}],
        }
    )
    text = "\n".join(lines)
    assert "is not ready: pid 2" in text
    assert "listener a: 127.0.0.1:5" in text
    assert "last reload: refused\n  x: wrong" in text
    assert "worker 0 was replaced: killed by SIGKILL" in text


FILTER = """
from pydantic import BaseModel
from headgate.api import StreamFilter, stream_filter


class Options(BaseModel):
    limit: int = 0


@stream_filter("mine", config=Options)
class Mine(StreamFilter[Options]):
    pass
"""


def test_the_command_is_named_as_it_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After ``make run`` in a fresh clone the command is in a virtual environment that is not active."""
    monkeypatch.setattr("sys.argv", ["/some where/bin/headgate", "quickstart"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_name() == "'/some where/bin/headgate'"
    program = tmp_path / "headgate"
    program.write_text("")
    program.chmod(0o755)
    assert command_name() == "headgate"
