"""``headgate quickstart``: the first demo, ready to be played with."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

import headgate
from headgate.cli.demo_backend import DemoBackend
from headgate.cli.failure import tells_failures
from headgate.server.channel import Message
from headgate.server.deployment import StartSettings
from headgate.server.run import Companion, run

CONFIG_NAME: Final = "config.yaml"
FILTER_NAME: Final = "auth_filter.py"


def demo_folder() -> Path:
    """The folder with the demo's filter and configuration: in a checkout the example, otherwise the package's own files."""
    package = Path(headgate.__file__).parent
    example = package.parent.parent / "examples" / "auth_filter"
    return example if (example / FILTER_NAME).is_file() else package / "quickstart"


def command_name() -> str:
    """How the ``headgate`` command is typed here: by its path if it is not on the ``PATH``, as after ``make run``."""
    return "headgate" if shutil.which("headgate") else shlex.quote(sys.argv[0])


@dataclass(frozen=True)
class DemoPorts:
    """The demo's ports on 127.0.0.1; 0 lets the kernel choose."""

    proxy: int = 2046
    backend: int = 8080
    admin: int = 34901


class Demo(Companion):
    """The backend, and what is said to the user.

    :param folder: where the demo's files are
    :param config_path: the configuration to run: the demo's own, or a file that is to be written with other ports
    """

    def __init__(self, ports: DemoPorts, folder: Path, config_path: Path) -> None:
        self._ports = ports
        self._backend = DemoBackend(ports.backend)
        self._folder = folder
        self._config_path = config_path

    async def start(self) -> None:
        """Start the backend; its port has to be known before the configuration is read."""
        await self._backend.start()
        original = self._folder / CONFIG_NAME
        if self._config_path != original:
            ports = DemoPorts(self._ports.proxy, self._backend.port, self._ports.admin)
            self._config_path.write_text(with_ports(original.read_text(), self._folder, ports))

    def running(self, facts: Message) -> None:
        """Say what to try."""
        listeners = facts["listeners"]
        address = listeners["demo"] if isinstance(listeners, dict) else ""
        click.echo(
            f"""
Headgate forwards {address} to a backend on 127.0.0.1:{self._backend.port}, if the filter lets the request through. Try:

    curl -i {address}/                      403: the header is missing
    curl -i -H 'User: admin' {address}/     200, from the backend
    curl {facts["admin"]}/api/v1/stats            what was counted

The filter is twenty lines of Python, the configuration says which header it wants:

    {self._folder / FILTER_NAME}
    {self._config_path}

Change either, then put it in force without losing a request:

    {command_name()} reload -c {self._config_path}

Ctrl-C ends this.
"""
        )

    async def stop(self) -> None:
        """Stop the backend."""
        await self._backend.stop()


_port = click.IntRange(0, 65535)


@click.command()
@click.option("--port", type=_port, default=DemoPorts.proxy, show_default=True, help="Port of the proxy.")
@click.option("--backend-port", type=_port, default=DemoPorts.backend, show_default=True, help="Port of the backend.")
@click.option("--admin-port", type=_port, default=DemoPorts.admin, show_default=True, help="Port of the admin server.")
@tells_failures
def quickstart(port: int, backend_port: int, admin_port: int) -> None:
    """Run the first demo: a proxy with a filter that asks for a header, and a backend behind it."""
    ports = DemoPorts(port, backend_port, admin_port)
    folder = demo_folder()
    if ports == DemoPorts():
        sys.exit(_run(ports, folder, folder / CONFIG_NAME))
    with tempfile.TemporaryDirectory(prefix="headgate-quickstart-") as directory:
        sys.exit(_run(ports, folder, Path(directory, CONFIG_NAME)))


def _run(ports: DemoPorts, folder: Path, config_path: Path) -> int:
    return run(StartSettings(config_path), Demo(ports, folder, config_path))


def with_ports(text: str, folder: Path, ports: DemoPorts) -> str:
    """The demo's configuration with other ports, to be read from another folder.

    :param folder: where the demo's files are
    """
    usual = DemoPorts()
    for old, new in (
        (f"address: 127.0.0.1:{usual.proxy}", f"address: 127.0.0.1:{ports.proxy}"),
        (f"address: 127.0.0.1:{usual.backend}", f"address: 127.0.0.1:{ports.backend}"),
        (f"port_value: {usual.admin}", f"port_value: {ports.admin}"),
        ("- ./auth_filter.py", f"- {folder / FILTER_NAME}"),
    ):
        text = text.replace(old, new)
    return text
