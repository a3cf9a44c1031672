"""What the tests of plugin processes share: a filter that asks a plugin, and plugins that do as they are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.integration.harness import Headgate, simple_config

ASKER = """
from pydantic import BaseModel

from headgate.api import Status, StreamFilter, StreamFilterFactory, stream_filter
from headgate.api.deferred import Deferred
from headgate.api.plugin import PluginReceiver, register_plugin
from headgate.api.plugin_messages import PluginRequest


class AskerConfig(BaseModel):
    plugin: str = "checker"
    args: list[str] = []
    call_timeout: float = 0.0


class Answer(Deferred, PluginReceiver):
    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.call = None

    def on_plugin_response(self, response):
        if response.status == -1:
            self.stream.reply(403, body="rejected")
            self.resolve(Status.STOP)
        elif response.body:
            self.stream.reply(200, body=response.body)
            self.resolve(Status.STOP)
        else:
            self.resolve(Status.CONTINUE)

    def on_plugin_failure(self, error):
        self.fail(error)

    def on_abandoned(self):
        if self.call is not None:
            self.call.cancel()


class Asker(StreamFilter):
    def __init__(self, config, client):
        super().__init__(config)
        self.client = client

    def on_receive(self, stream):
        answer = Answer(stream)
        header = {name.lower(): value for name, value in stream.request.headers.items()}
        header["path"] = stream.request.path
        answer.call = self.client.start(PluginRequest(header), self.config.call_timeout, answer)
        return answer


class AskerFactory(StreamFilterFactory):
    def __init__(self, config):
        self.config = config
        self.client = register_plugin(config.plugin, args=config.args)

    def create_filter_chain(self, callbacks):
        callbacks.add(Asker(self.config, self.client))


@stream_filter("asker", config=AskerConfig)
def create(config):
    return AskerFactory(config)
"""

SERVING = """
import os, signal, subprocess, sys, time
from headgate.plugin import Response, serve

def call(request):
    path = request.header["path"]
    if path == "/pid":
        return Response(body=str(os.getpid()).encode())
    if path == "/version":
        return Response(body=os.environ.get("VERSION", "").encode())
    if path.startswith("/env/"):
        return Response(body=os.environ.get(path[5:], "-").encode())
    if path == "/args":
        return Response(body=repr((sys.argv[1:], os.getcwd())).encode())
    if path == "/slow":
        time.sleep(1.0)
    if path == "/hang":
        time.sleep(3600.0)
    if path == "/die":
        os._exit(3)
    if path == "/eat":
        global eaten
        eaten = bytearray(b"x") * (200 << 20)
    if path == "/child":
        return Response(body=str(subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL).pid).encode())
    return Response(status=0 if request.header.get("user") == "admin" else -1)

serve(call)
"""
"""A plugin that is served properly, and does what the request's path says."""


def write_plugin(folder: Path, source: str, name: str = "checker") -> Path:
    """Write a plugin as an executable Python script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{source}")
    path.chmod(0o755)
    return path


def asking_config(
    host: str = "127.0.0.1:9",
    *,
    plugins: Sequence[Mapping[str, object]] = (),
    entry: Mapping[str, object] | None = None,
    config: Mapping[str, object] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A listener whose requests go through the asker.

    :param plugins: the configuration's ``plugins``
    :param entry: more keys of the filter's entry
    :param config: its ``config``
    """
    top = {"plugins": list(plugins), **more.pop("top", {})}
    return simple_config(host, stream_filters=[{"type": "asker", "config": dict(config or {}), **(entry or {})}], top=top, **more)


def plugin(command: str | Path, **more: object) -> dict[str, object]:
    """An entry of ``plugins`` named ``checker``, restarted quickly."""
    return {"name": "checker", "command": [str(command)], "restart": {"backoff": "50ms", "max_backoff": "200ms"}, **more}


def plugins(proxy: Headgate) -> list[dict[str, Any]]:
    """What ``headgate status`` knows of plugins."""
    found: list[dict[str, Any]] = proxy.status()["plugins"]
    return found


def plugin_pids(proxy: Headgate) -> list[int]:
    """The processes of all plugins that are there."""
    return [instance["pid"] for described in plugins(proxy) for instance in described["instances"]]


def group_members(group: int) -> list[int]:
    """The processes of a process group."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[2] == str(group) and fields[0] != "Z":
                found.append(int(entry))
    return found
