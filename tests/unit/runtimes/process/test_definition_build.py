"""From a configuration to a plugin that can be started."""

from dataclasses import replace
from pathlib import Path

import pytest

from headgate.api.errors import ConfigError
from headgate.api.plugin import PluginDefinition, PluginLimits, PluginRestart
from headgate.config import parse
from headgate.config.models import HeadgateConfig
from headgate.runtimes.process.definition_build import (
    PluginPlace,
    configured_plugins,
    definition_from_wire,
    definition_to_wire,
    plugin_environment,
    plugin_key,
)


def config(folder: Path, *plugins: dict[str, object], **top: object) -> HeadgateConfig:
    return parse({"servers": [{"default_log_path": "stderr"}], "plugins": list(plugins), **top}, base=folder).config


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "checker"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_everything_that_a_configuration_says(tmp_path: Path, program: Path) -> None:
    (tmp_path / "below").mkdir()
    found = config(
        tmp_path,
        {
            "name": "checker",
            "command": ["./checker", "-v"],
            "args": ["-c"],
            "env": {"A": "b"},
            "cwd": "below",
            "processes": 2,
            "max_procs": 0,
            "start_timeout": "5s",
            "stop_timeout": "3s",
            "call_timeout": "10ms",
            "max_concurrent_calls": 7,
            "restart": {"backoff": "1s", "max_backoff": "2s", "reset_after": "3s"},
            "limits": {"memory": "1MiB", "cpus": 1, "open_files": 9},
            "health_interval": "0s",
            "log": "off",
        },
        plugin={"log_base": "logs"},
    )
    definitions, errors = configured_plugins(found, PluginPlace(tmp_path, found))
    assert errors == []
    assert definitions["checker"].program
    assert replace(definitions["checker"], program="") == PluginDefinition(
        "checker",
        (str(program), "-v"),
        ("-c",),
        (("A", "b"), ("MOSN_LOGBASE", f"{tmp_path}/logs/")),
        str(tmp_path / "below"),
        2,
        0,
        5.0,
        3.0,
        0.01,
        7,
        PluginRestart(1.0, 2.0, 3.0),
        PluginLimits(1 << 20, 1, 9),
        "grpc",
        "OFF",
        0.0,
    )


def test_without_a_command_the_file_beside_the_configuration_is_run(tmp_path: Path, program: Path) -> None:
    found = config(tmp_path, {"name": "checker"})
    definitions, errors = configured_plugins(found, PluginPlace(tmp_path, found))
    assert errors == []
    assert definitions["checker"].command == (str(program),)
    assert definitions["checker"].cwd == str(tmp_path)
    assert dict(definitions["checker"].env)["MOSN_LOGBASE"] == f"{tmp_path}/logs/"


def test_a_bare_name_is_a_file_beside_the_configuration_before_it_is_one_on_path(tmp_path: Path) -> None:
    found = config(tmp_path, {"name": "one", "command": ["sh"]})
    assert configured_plugins(found, PluginPlace(tmp_path, found))[0]["one"].command[0].endswith("/bin/sh")
    shell = tmp_path / "sh"
    shell.write_text("#!/bin/true\n")
    shell.chmod(0o755)
    found = config(tmp_path, {"name": "one", "command": ["sh"]})
    assert configured_plugins(found, PluginPlace(tmp_path, found))[0]["one"].command == (str(shell),)


def test_what_cannot_be_started(tmp_path: Path, program: Path) -> None:
    program.chmod(0o644)
    found = config(
        tmp_path,
        {"name": "checker"},
        {"name": "missing", "command": ["./missing"]},
        {"name": "folder", "command": ["/tmp"]},
        {"name": "path", "command": ["no-such-program-anywhere"]},
        {"name": "cwd", "command": ["sh"], "cwd": "nowhere"},
    )
    definitions, errors = configured_plugins(found, PluginPlace(tmp_path, found))
    assert definitions == {}
    assert [error.render() for error in errors] == [
        f"plugins[0].command: plugin 'checker': {program}: not executable (chmod +x {program})",
        f"plugins[1].command: plugin 'missing': {tmp_path}/missing: no such file or directory",
        "plugins[2].command: plugin 'folder': /tmp: not a file",
        f"plugins[3].command: plugin 'path': no program 'no-such-program-anywhere', neither in {tmp_path} nor on PATH",
        f"plugins[4].cwd: no such directory: {tmp_path}/nowhere",
    ]


def test_registered_by_a_filter(tmp_path: Path, program: Path) -> None:
    place = PluginPlace(tmp_path, HeadgateConfig())
    assert place.resolved(PluginDefinition("checker", args=("-c",)), "plugin 'checker'").command == (str(program),)
    with pytest.raises(ConfigError, match="plugin 'other'"):
        place.resolved(PluginDefinition("other"), "plugin 'other'")


def test_what_a_program_was_when_the_configuration_was_read_holds(tmp_path: Path, program: Path) -> None:
    known: dict[str, str] = {}
    first = PluginPlace(tmp_path, HeadgateConfig(), programs=known).resolved(PluginDefinition("checker"), "plugin")
    program.write_text("#!/bin/sh\nexit 1\n")
    same = PluginPlace(tmp_path, HeadgateConfig(), programs=known).resolved(PluginDefinition("checker"), "plugin")
    later = PluginPlace(tmp_path, HeadgateConfig()).resolved(PluginDefinition("checker"), "plugin")
    assert known == {"checker": first.program}
    assert plugin_key(same) == plugin_key(first) != plugin_key(later)


def test_key_and_wire() -> None:
    definition = PluginDefinition("checker", ("/bin/x",), env=(("SECRET", "value"),))
    assert definition_from_wire(definition_to_wire(definition)) == definition
    assert plugin_key(definition) == plugin_key(definition_from_wire(definition_to_wire(definition)))
    assert plugin_key(definition) != plugin_key(PluginDefinition("checker", ("/bin/x",), env=(("SECRET", "other"),)))
    assert "value" not in plugin_key(definition)
    for wrong in (None, {}, {"name": "x", "command": 1}, {**definition_to_wire(definition), "more": 1}):
        with pytest.raises(ValueError, match="no definition"):
            definition_from_wire(wrong)


def test_environment() -> None:
    definition = PluginDefinition("checker", max_procs=2, env=(("PLUGIN_MAX_PORT", "20000"), ("OWN", "1")))
    inherited = {"PATH": "/bin", "MOSN_PROCS": "4", "MOSN_PLUGIN": "OFF", "OWN": "0", "HEADGATE_CONFIG": "x"}
    assert plugin_environment(definition, "/run/7", inherited) == {
        "PATH": "/bin",
        "MOSN_PROCS": "2",
        "MOSN_PLUGIN": "ON",
        "PLUGIN_MIN_PORT": "10000",
        "PLUGIN_MAX_PORT": "20000",
        "PLUGIN_PROTOCOL_VERSIONS": "1",
        "PLUGIN_UNIX_SOCKET_DIR": "/run/7",
        "HEADGATE_PLUGIN_SOCKET_DIR": "/run/7",
        "OWN": "1",
    }
