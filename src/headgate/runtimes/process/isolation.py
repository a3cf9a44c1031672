"""``isolation: process``: the same Python filter, unchanged, in a process of its own.

The worker imports the filter's module, as it does for ``inline`` (so that an unknown name or a bad option is found), but neither its create
function nor any of its handlers run there. What the entry's chain is made of the process says when the configuration is built; what
its create function raises stops the load, as ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.isolation import ISOLATIONS, IsolatedEntry
from headgate.api.plugin import PluginDefinition, plugin_host
from headgate.api.stream_filter import StreamFilterFactory
from headgate.runtimes.process.awaited_filter import AwaitedFactory
from headgate.runtimes.process.host_words import host_words
from headgate.runtimes.process.isolated_filter import IsolatedFactory
from headgate.runtimes.process.isolation_connection import hello
from headgate.runtimes.process.isolation_endpoint import EndpointSource, PluginEndpoint, wait_for_address
from headgate.runtimes.process.isolation_greeting import greet
from headgate.runtimes.process.isolation_link import HostLink
from headgate.runtimes.process.isolation_messages import PROTOCOL
from headgate.runtimes.process.worker_client import WorkerPluginClient
from headgate.runtimes.process.worker_plugins import GenerationPlugins

SETTINGS: Final = "HEADGATE_FILTER"
"""The variable by which a filter host is told which filter it is for, as JSON."""

START_TIMEOUT: Final = 60.0
HEALTH_INTERVAL: Final = 10.0
"""Seconds between two looks whether the process's loop still turns."""
PATIENCE: Final = 10.0
"""Seconds that a process gets which has failed to start, or has just died, while a worker is being built."""
PATIENCE_IN_FORCE: Final = 2.0
"""The same where the other workers have the configuration already."""


def isolate(entry: IsolatedEntry) -> StreamFilterFactory:
    """The factory that stands in for an entry's own.

    :raises ConfigError: if the process cannot be started, or the filter cannot be created there
    """
    plugins = plugin_host()
    client = plugins.register(host_definition(entry))
    if isinstance(client, EndpointSource):
        return isolated_factory(entry, client)
    if isinstance(plugins, GenerationPlugins) and isinstance(client, WorkerPluginClient):
        return isolated_factory(entry, PluginEndpoint(plugins, client), plugins.in_force)
    # `headgate check` starts nothing: what can be found out without the process is found out here.
    return entry.registration.create(entry.parsed)


def isolated_factory(entry: IsolatedEntry, source: EndpointSource, in_force: bool = False) -> StreamFilterFactory:
    """The factory for a process whose endpoint a source knows.

    :param in_force: the configuration is in force: a process that is down at present is waited for afterwards, as one is that the operator
        has switched off
    :raises ConfigError: as :func:`isolate`
    """
    settings = entry.settings
    address = wait_for_address(source, START_TIMEOUT, PATIENCE_IN_FORCE if in_force else PATIENCE)
    raw = json.dumps(dict(entry.raw), sort_keys=True)
    greeting = hello(raw, [], settings.max_body)
    path, problem = f"{settings.path}.isolation", ""
    if not address.enabled:
        problem = "it is switched off"
    elif not address.network:
        problem = f"its process cannot be started: {address.problem}"
    else:
        try:
            welcome = greet(address, greeting)
        except Exception as error:
            problem = f"its process does not answer: {host_words(str(error))}"
        else:
            if not welcome.error:
                return IsolatedFactory(HostLink(settings.name, source, raw, settings.max_body), welcome.slots, welcome.logs)
            path, problem = f"{settings.path}.config", f"it cannot be created: {host_words(welcome.error)}"
    if in_force or not address.enabled:
        # No worker may fail to start for that.
        return AwaitedFactory(settings.name, HostLink(settings.name, source, raw, settings.max_body), source, greeting, problem)
    raise ConfigError(path, f"stream filter {settings.type!r}: {problem}")


def host_definition(entry: IsolatedEntry) -> PluginDefinition:
    """The process of an entry. Whatever changes what it does changes its name, so that a reload starts another beside it."""
    settings = entry.settings
    told = {"type": settings.type, "name": settings.name, "extensions": list(entry.extensions)}
    digest = hashlib.sha256(json.dumps([told, dict(entry.raw), settings.max_body], sort_keys=True).encode())
    digest.update(fingerprint(entry.extensions))
    name = f"filter-{settings.listener}-{settings.name}-{digest.hexdigest()[:8]}"
    return PluginDefinition(
        name,
        (sys.executable, "-P", "-m", "headgate.runtimes.process.filter_host"),
        env=((SETTINGS, json.dumps(told)),),
        cwd=os.getcwd(),
        start_timeout=START_TIMEOUT,
        protocol=PROTOCOL,
        health_interval=HEALTH_INTERVAL,
    )


def fingerprint(extensions: Sequence[str]) -> bytes:
    """A digest of the files that extensions by path consist of: a changed file is a new process."""
    digest = hashlib.sha256()
    for spec in extensions:
        target = Path(spec)
        folder = target if target.is_dir() else target.parent
        if not target.is_absolute() or not folder.is_dir():
            continue  # a module by name is loaded once for a process
        for file in sorted(folder.glob("*.py")):
            digest.update(str(file).encode())
            digest.update(file.read_bytes())
    return digest.digest()


ISOLATIONS.register("process", isolate, origin=__name__)
