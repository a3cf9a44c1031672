"""Filters in the worker and in processes of their own, for tests: processes started as the supervisor would start them, and testers."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.api.plugin import PluginClient, PluginDefinition, PluginHost, plugins_from
from headgate.runtimes.module.loader import load_extensions
from headgate.runtimes.process import isolation
from headgate.runtimes.process.isolation_endpoint import EndpointSource, HostAddress
from headgate.testing import Exchange, FilterTester

EXTENSION = str(Path(__file__).with_name("isolation_filters.py"))


class OneHost(PluginHost, EndpointSource, PluginClient):
    """Starts the one process that a test's entry asks for, and knows where it listens."""

    online = True

    def __init__(self, folder: Path) -> None:
        self.definition: PluginDefinition | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.name = ""
        self._folder = folder
        self._address = HostAddress()
        self._watchers: list[Callable[[HostAddress], None]] = []

    def register(self, definition: PluginDefinition) -> PluginClient:
        self.name = definition.name
        if self.definition is None:
            self.definition = definition
            self.launch()
        assert definition == self.definition
        return self

    def launch(self) -> None:
        assert self.definition is not None
        environment = {**os.environ, **dict(self.definition.env), "HEADGATE_PLUGIN_SOCKET_DIR": str(self._folder)}
        with (self._folder / "host.log").open("ab") as log:
            self.process = subprocess.Popen(self.definition.command, env=environment, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode().strip()
        core, app, network, address, protocol = line.split("|")
        assert (core, app, protocol) == ("1", "1", self.definition.protocol)
        self.tell(HostAddress(network, address))

    def tell(self, address: HostAddress) -> None:
        self._address = address
        for watcher in list(self._watchers):
            watcher(address)

    def watch(self, watcher: Callable[[HostAddress], None]) -> None:
        self._watchers.append(watcher)
        watcher(self._address)

    def unwatch(self, watcher: Callable[[HostAddress], None]) -> None:
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
            self.process.wait(20)
            assert self.process.stdout is not None
            self.process.stdout.close()
            print((self._folder / "host.log").read_text())


class SharedHosts(PluginHost):
    """A process for each filter, which serves whatever configurations of it the tests of this file have."""

    online = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hosts: dict[object, OneHost] = {}

    def register(self, definition: PluginDefinition) -> PluginClient:
        if definition.env not in self._hosts:
            folder = self._folder / str(len(self._hosts))
            folder.mkdir()
            host = self._hosts[definition.env] = OneHost(folder)
            host.register(definition)
        return self._hosts[definition.env]

    def close(self) -> None:
        for host in self._hosts.values():
            host.close()


class Place:
    """A FilterTester for a registered filter, inline or isolated."""

    def __init__(self, plugins: PluginHost, isolated: bool) -> None:
        self._plugins = plugins
        self.isolated = isolated
        self.tester: FilterTester | None = None

    def __call__(self, name: str, config: dict[str, object] | None = None, **arguments: Any) -> Place:
        entry = {**arguments.pop("entry", {}), "isolation": "process" if self.isolated else "inline"}
        arguments.setdefault("scope", load_extensions([EXTENSION]))
        with plugins_from(self._plugins), pytest.MonkeyPatch.context() as patch:
            self._extensions(patch)
            self.tester = FilterTester(name, config, entry=entry, **arguments)
        return self

    def request(self, *arguments: Any, **named: Any) -> Exchange:
        assert self.tester is not None
        with plugins_from(self._plugins), pytest.MonkeyPatch.context() as patch:
            self._extensions(patch)
            return self.tester.request(*arguments, **named)

    def _extensions(self, patch: pytest.MonkeyPatch) -> None:
        # FilterTester's configuration names no extensions, as it is given the loaded scope; the process has to be told of the file.
        definition = isolation.host_definition
        patch.setattr(isolation, "host_definition", lambda entry: definition(dataclasses.replace(entry, extensions=(EXTENSION,))))


class Isolated(Place):
    """The same with a process of the test's own."""

    def __init__(self, host: OneHost) -> None:
        super().__init__(host, True)
        self.host = host
