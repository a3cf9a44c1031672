"""Checks of ``plugins``: names, commands, times, and what they may say about their environment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from headgate.config.findings import Findings, nearest, shown
from headgate.config.models import ProcessPluginConfig
from headgate.config.validation.server import LOG_LEVELS
from headgate.config.validation.texts import check_positive, check_unique

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}\Z")
_VARIABLE: Final = re.compile(r"[^=\x00]+\Z")


def validate_plugins(plugins: Sequence[ProcessPluginConfig], path: str, findings: Findings) -> None:
    """Everything but whether the programs exist, which is looked at where they are about to be started.

    :param path: path of the list
    """
    check_unique([plugin.name for plugin in plugins], path, "name", "plugin", findings)
    for i, plugin in enumerate(plugins):
        _validate_plugin(plugin, f"{path}[{i}]", findings)


def _validate_plugin(plugin: ProcessPluginConfig, path: str, findings: Findings) -> None:
    if _NAME.match(plugin.name) is None:
        findings.error(f"{path}.name", f"not a name of a plugin: {shown(plugin.name)}", "letters, digits, '_', '-' and '.'")
    if plugin.command and not plugin.command[0]:
        findings.error(f"{path}.command[0]", "empty", "name a program")
    for key, texts in (("command", plugin.command), ("args", plugin.args), ("cwd", [plugin.cwd])):
        if any("\0" in text for text in texts):
            findings.error(f"{path}.{key}", "a zero byte, which no program can be given")
    for name, value in plugin.env.items():
        # The value may be a secret, so it is not shown.
        if _VARIABLE.match(name) is None or "\0" in value:
            findings.error(f"{path}.env", f"cannot be a variable of an environment: {shown(name)}")
    for key in ("start_timeout", "stop_timeout", "call_timeout"):
        check_positive(getattr(plugin, key), f"{path}.{key}", findings)
    _validate_restart(plugin, f"{path}.restart", findings)
    if plugin.log not in (*LOG_LEVELS, "OFF"):
        hint = nearest(plugin.log, LOG_LEVELS) or f"known: {', '.join(LOG_LEVELS)}, off"
        findings.error(f"{path}.log", f"unknown log level {shown(plugin.log)}", hint)


def _validate_restart(plugin: ProcessPluginConfig, path: str, findings: Findings) -> None:
    check_positive(plugin.restart.backoff, f"{path}.backoff", findings)
    if plugin.restart.max_backoff < plugin.restart.backoff:
        findings.error(f"{path}.max_backoff", "shorter than 'backoff'")
