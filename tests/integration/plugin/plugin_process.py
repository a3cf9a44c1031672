"""Plugins written with ``headgate.plugin``, started as a proxy starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc

PROGRAM = """
import asyncio
import sys
import time

from headgate.plugin import Request, Response, serve


def check(request: Request) -> Response:
    if request.type == "raise":
        raise ValueError("a fault of the author's")
    if request.type == "nothing":
        return None
    if request.type == "print":
        print("a stray line")
    if request.type == "wait":
        time.sleep(float(request.body))
    return Response(request.header, request.trailer, request.body, 0 if request.header.get("user") == "admin" else -1)


async def check_later(request: Request) -> Response:
    await asyncio.sleep(float(request.body or b"0"))
    return check(request)


class Checker:
    def call(self, request: Request) -> Response:
        return check(request)


if __name__ == "__main__":
    {serve}
"""


@dataclass
class PluginProcess:
    """A running plugin."""

    process: subprocess.Popen[bytes]
    line: str
    errors: Path

    @property
    def address(self) -> str:
        """Where it listens, as grpcio wants it."""
        network, address = self.line.split("|")[2:4]
        return f"unix:{address}" if network == "unix" else address

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20.0)

    def log(self) -> str:
        """What it wrote to standard error."""
        return self.errors.read_text()


class PluginStarter:
    """Starts plugins in a folder, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = folder / "sockets"
        self.sockets.mkdir(mode=0o700)
        self._running: list[PluginProcess] = []
        self._channels: list[grpc.Channel] = []

    def write(self, serve: str = "serve(check)") -> Path:
        """Write the program."""
        path = self.folder / "checker.py"
        path.write_text(PROGRAM.replace("{serve}", serve))
        return path

    def environment(self, **more: str) -> dict[str, str]:
        """What a proxy sets."""
        return {
            **os.environ,
            "MOSN_PLUGIN": "ON",
            "PLUGIN_UNIX_SOCKET_DIR": str(self.sockets),
            "PLUGIN_MIN_PORT": "10000",
            "PLUGIN_MAX_PORT": "25000",
            **more,
        }

    def __call__(self, serve: str = "serve(check)", **environment: str) -> PluginProcess:
        """Start a plugin, and wait for its line."""
        errors = self.folder / f"errors-{len(self._running)}"
        with errors.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, self.write(serve)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                env=self.environment(**environment),
            )
        assert process.stdout is not None
        plugin = PluginProcess(process, process.stdout.readline().decode().rstrip("\n"), errors)
        self._running.append(plugin)
        assert plugin.line, plugin.log()
        return plugin

    def channel(self, plugin: PluginProcess) -> grpc.Channel:
        """A grpcio client of a plugin."""
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.insecure_channel(plugin.address, options)
        self._channels.append(channel)
        return channel

    def close(self) -> None:
        """End what still runs."""
        for channel in self._channels:
            channel.close()
        for plugin in self._running:
            plugin.process.kill()
            plugin.process.wait()
            assert plugin.process.stdout is not None
            plugin.process.stdout.close()
