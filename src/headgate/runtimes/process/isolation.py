"""``isolation: process``: the same Python filter, unchanged, in a process of its own.

The worker imports the filter's module, as it does for ``inline`` (so that an unknown name or a bad option is found), but neither its create
function nor any of its handlers run there. What the entry's chain is made of the process says when the configuration is built; what
its create function raises stops the load, as ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.isolation import ISOLATIONS, IsolatedEntry
from headgate.api.plugin import PluginDefinition, plugin_host
from headgate.api.stream_filter import StreamFilterFactory
from headgate.runtimes.process.isolated_filter import IsolatedFactory, SwitchedOffFactory
from headgate.runtimes.process.isolation_connection import hello
from headgate.runtimes.process.isolation_endpoint import PROTOCOL, EndpointSource, HostAddress, PluginEndpoint, wait_for_address
from headgate.runtimes.process.isolation_link import HostLink
from headgate.runtimes.process.isolation_messages import Frames, Hello, Welcome, decode_from_host, encode
from headgate.runtimes.process.plugin_calls import WorkerPluginClient
from headgate.runtimes.process.worker_plugins import GenerationPlugins

SETTINGS: Final = "HEADGATE_FILTER"
"""The variable by which a filter host is told which filter it is for, as JSON."""

START_TIMEOUT: Final = 60.0
PATIENCE: Final = 10.0
"""Seconds that a process gets which has failed to start, or has just died, while a worker is being built."""
GREETING_TIMEOUT: Final = 30.0
"""Seconds that the create function may take."""


def isolate(entry: IsolatedEntry) -> StreamFilterFactory:
    """The factory that stands in for an entry's own.

    :raises ConfigError: if the process cannot be started, or the filter cannot be created there
    """
    plugins = plugin_host()
    client = plugins.register(host_definition(entry))
    if isinstance(client, EndpointSource):
        return isolated_factory(entry, client)
    if isinstance(plugins, GenerationPlugins) and isinstance(client, WorkerPluginClient):
        return isolated_factory(entry, PluginEndpoint(plugins, client))
    # `headgate check` starts nothing: what can be found out without the process is found out here.
    return entry.registration.create(entry.parsed)


def isolated_factory(entry: IsolatedEntry, source: EndpointSource) -> StreamFilterFactory:
    """The factory for a process whose endpoint a source knows.

    :raises ConfigError: as :func:`isolate`
    """
    settings = entry.settings
    address = wait_for_address(source, START_TIMEOUT, PATIENCE)
    at = f"{settings.path}.isolation"
    if not address.enabled:
        return SwitchedOffFactory(settings.name)
    if not address.network:
        raise ConfigError(at, f"stream filter {settings.type!r}: its process cannot be started: {address.problem}")
    raw = json.dumps(dict(entry.raw), sort_keys=True)
    try:
        welcome = _greet(address, hello(raw, [], settings.max_body))
    except Exception as error:
        raise ConfigError(at, f"stream filter {settings.type!r}: its process does not answer: {error}") from error
    if welcome.error:
        raise ConfigError(f"{settings.path}.config", f"stream filter {settings.type!r} cannot be created: {welcome.error}")
    return IsolatedFactory(HostLink(settings.name, source, raw, settings.max_body), welcome.slots, welcome.logs)


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
        health_interval=0.0,
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


def _greet(address: HostAddress, greeting: Hello) -> Welcome:
    """Ask a filter host what it has, in the building thread."""
    with socket.socket(socket.AF_UNIX) if address.network == "unix" else socket.socket() as connection:
        connection.settimeout(GREETING_TIMEOUT)
        if address.network == "unix":
            connection.connect(address.address)
        else:
            host, _, port = address.address.rpartition(":")
            connection.connect((host, int(port)))
        connection.sendall(encode(greeting, greeting.largest))
        frames = Frames(greeting.largest)
        while True:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("it closed the connection")
            for frame in frames.feed(data):
                message = decode_from_host(frame)
                if isinstance(message, Welcome):
                    return message


ISOLATIONS.register("process", isolate, origin=__name__)
