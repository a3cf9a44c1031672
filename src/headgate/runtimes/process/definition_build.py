"""From a configuration, or from a filter's wish, to a plugin that can be started: every path absolute, the program found."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.plugin import PluginDefinition, PluginLimits, PluginRestart
from headgate.config.models import HeadgateConfig, ProcessPluginConfig
from headgate.runtimes.process.program_files import program_fingerprint

LOG_BASE: Final = "MOSN_LOGBASE"
"""The variable that names the directory of a plugin's logs."""


class PluginPlace:
    """Where a configuration lies, which decides what relative paths of its plugins mean.

    :ivar folder: of the configuration file, absolute
    :ivar log_base: directory of the plugins' logs, ending in a slash
    """

    def __init__(self, folder: Path, config: HeadgateConfig, look: bool = True, programs: dict[str, str] | None = None) -> None:
        """
        :param look: refuse programs and directories that are not there; else what they are called will do
        :param programs: fingerprints of programs by the plugins' names, which hold whatever the files look like now; others are added
        """
        self.folder = folder
        self._look = look
        self._programs: dict[str, str] = {} if programs is None else programs
        configured = config.plugin.log_base if config.plugin is not None else ""
        self.log_base = os.path.join(configured or folder / "logs", "")

    def resolved(self, definition: PluginDefinition, path: str) -> PluginDefinition:
        """A definition whose program has been found.

        :param path: where the definition stands, for messages
        :raises ConfigError: if there is no such program, it may not be executed, or there is no such directory
        """
        env = dict(definition.env)
        cwd = os.path.normpath(self.folder / definition.cwd)
        if self._look and not os.path.isdir(cwd):
            raise ConfigError(f"{path}.cwd", f"no such directory: {cwd}")
        command = definition.command or (str(self.folder / definition.name),)
        program = self._program(command[0], env.get("PATH", os.environ.get("PATH", os.defpath)), f"{path}.command", definition.name)
        env.setdefault(LOG_BASE, self.log_base)
        found = replace(definition, command=(program, *command[1:]), cwd=cwd, env=tuple(env.items()))
        fingerprint = self._programs.get(definition.name)
        if fingerprint is None:
            fingerprint = self._programs[definition.name] = program_fingerprint(found)
        return replace(found, program=fingerprint)

    def _program(self, name: str, search_path: str, path: str, plugin: str) -> str:
        beside = os.path.normpath(self.folder / name)
        if "/" not in name and not os.path.isfile(beside):
            found = shutil.which(name, path=search_path)
            if found is None and not self._look:
                return beside
            if found is None:
                raise ConfigError(path, f"plugin {plugin!r}: no program {name!r}, neither in {self.folder} nor on PATH")
            return os.path.abspath(found)
        if not self._look:
            return beside
        try:
            mode = os.stat(beside).st_mode
        except (OSError, ValueError) as error:
            reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            raise ConfigError(path, f"plugin {plugin!r}: {beside}: {reason}") from None
        if not stat.S_ISREG(mode):
            raise ConfigError(path, f"plugin {plugin!r}: {beside}: not a file")
        if not os.access(beside, os.X_OK):
            raise ConfigError(path, f"plugin {plugin!r}: {beside}: not executable", f"chmod +x {beside}")
        return beside


def configured_plugins(config: HeadgateConfig, place: PluginPlace) -> tuple[dict[str, PluginDefinition], list[ConfigError]]:
    """The plugins of a configuration by name, and what is wrong with those that cannot be started."""
    found: dict[str, PluginDefinition] = {}
    errors: list[ConfigError] = []
    for i, plugin in enumerate(config.plugins):
        try:
            found[plugin.name] = place.resolved(definition_of(plugin), f"plugins[{i}]")
        except ConfigError as error:
            errors.append(error)
    return found, errors


def definition_of(plugin: ProcessPluginConfig) -> PluginDefinition:
    """What one entry of ``plugins`` says."""
    restart, limits = plugin.restart, plugin.limits
    return PluginDefinition(
        plugin.name,
        tuple(plugin.command),
        tuple(plugin.args),
        tuple(plugin.env.items()),
        plugin.cwd,
        plugin.processes,
        plugin.max_procs,
        plugin.start_timeout,
        plugin.stop_timeout,
        plugin.call_timeout,
        plugin.max_concurrent_calls,
        PluginRestart(restart.backoff, restart.max_backoff, restart.reset_after),
        PluginLimits(limits.memory, limits.cpus, limits.open_files),
        log_level=plugin.log,
        health_interval=plugin.health_interval,
    )


def plugin_key(definition: PluginDefinition) -> str:
    """A text that two definitions have in common if they are one plugin: name and digest. It tells nothing of what may be a secret."""
    text = json.dumps(definition_to_wire(definition), sort_keys=True)
    return f"{definition.name}@{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def definition_to_wire(definition: PluginDefinition) -> dict[str, object]:
    """A definition as JSON can carry it between worker and supervisor."""
    return asdict(definition)


def definition_from_wire(fields: object) -> PluginDefinition:
    """What :func:`definition_to_wire` wrote.

    :raises ValueError: if it is not from there
    """
    if not isinstance(fields, dict):
        raise ValueError("no definition of a plugin")
    values = dict(fields)
    try:
        values["command"], values["args"] = tuple(values["command"]), tuple(values["args"])
        values["env"] = tuple((str(name), str(value)) for name, value in values["env"])
        values["restart"], values["limits"] = PluginRestart(**values["restart"]), PluginLimits(**values["limits"])
        return PluginDefinition(**values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no definition of a plugin: {error}") from None


def plugin_environment(definition: PluginDefinition, socket_directory: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a plugin's process.

    MOSN puts its own values before the inherited ones, so that a ``MOSN_PROCS`` of the proxy's own environment overrides what the plugin's
    definition says. Here the nearer wins: what is inherited, then what the framework says, then the definition.

    :param socket_directory: a directory for sockets that only the owner may enter
    :param inherited: the environment of this process; its ``HEADGATE_*`` variables are not passed on
    """
    environment = {name: value for name, value in inherited.items() if not name.startswith("HEADGATE_")}
    environment.update(
        {
            "MOSN_PROCS": str(definition.max_procs),
            "MOSN_PLUGIN": "ON",
            "PLUGIN_MIN_PORT": "10000",
            "PLUGIN_MAX_PORT": "25000",
            "PLUGIN_PROTOCOL_VERSIONS": "1",
            # Newer servers of hashicorp/go-plugin put their sockets there, instead of into the system's directory for temporary files.
            "PLUGIN_UNIX_SOCKET_DIR": socket_directory,
            "HEADGATE_PLUGIN_SOCKET_DIR": socket_directory,
        }
    )
    environment.update(definition.env)
    return environment
