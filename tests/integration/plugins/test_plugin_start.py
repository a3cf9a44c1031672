"""Plugins that do not come up: each mistake has an error of its own, and nothing of the process is left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headgate.api.plugin import PluginDefinition
from headgate.runtimes.process.plugin_process import PluginProcess, PluginStartError
from headgate.runtimes.process.plugin_room import PluginRoom
from tests.integration.harness import until
from tests.integration.plugins.asking import SERVING, group_members, write_plugin

SLEEP = """
import time
time.sleep(3600)
"""
LISTENING = """
import os, socket
server = socket.socket(socket.AF_UNIX)
path = os.path.join(os.environ["HEADGATE_PLUGIN_SOCKET_DIR"], "s")
server.bind(path)
server.listen()
print(f"1|1|unix|{path}|grpc", flush=True)
"""
TALKING = (
    LISTENING
    + """
while True:
    client, _ = server.accept()
    client.sendall(b"HTTP/1.1 400 Bad\\r\\n\\r\\n")
    client.close()
"""
)
SILENT = LISTENING + SLEEP


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; sys.exit(3)", "exited with code 3 before it said where it listens"),
        ("import sys; sys.stderr.write('no licence\\n'); sys.exit(3)", "the last it wrote: 'no licence'"),
        (SLEEP, "no line on its standard output within 1 s"),
        ("print('hello world', flush=True)" + SLEEP, "unrecognized remote plugin message: 'hello world'"),
        ("import os; os.write(1, bytes(range(128, 256)) + b'\\n')" + SLEEP, "unrecognized remote plugin message"),
        ("import os; os.write(1, b'x' * 10000)" + SLEEP, "no line end within 4096 bytes"),
        ("print('2|1|tcp|127.0.0.1:1234|grpc', flush=True)" + SLEEP, "incompatible core API version"),
        ("print('1|2|tcp|127.0.0.1:1234|grpc', flush=True)" + SLEEP, "incompatible API version"),
        ("print('1|1|udp|127.0.0.1:1234|grpc', flush=True)" + SLEEP, "unknown address type"),
        ("print('1|1|tcp|127.0.0.1|grpc', flush=True)" + SLEEP, "cannot be resolved"),
        ("print('1|1|tcp|127.0.0.1:1234', flush=True)" + SLEEP, "unsupported plugin protocol 'netrpc'"),
        ("print('1|1|tcp|127.0.0.1:1|grpc', flush=True)" + SLEEP, "nobody listens on tcp 127.0.0.1:1"),
        ("print('1|1|unix|/nowhere|grpc', flush=True)" + SLEEP, "nobody listens on unix /nowhere"),
        (SERVING.replace("import os,", "import os; os.environ['MOSN_PLUGIN'] = 'OFF'; import", 1), "it exited with code 1 before it said"),
        (TALKING, "nobody listens on unix"),
        (SILENT, "no answer from unix"),
    ],
)
def test_a_start_that_fails(source: str, message: str, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = write_plugin(tmp_path, f"import os; open({str(pid)!r}, 'w').write(str(os.getpid()))\n{source}")
    definition = PluginDefinition("checker", (str(program),), cwd=str(tmp_path), start_timeout=1.0, stop_timeout=0.1)

    async def start() -> None:
        room = PluginRoom(lambda: tmp_path)
        try:
            await PluginProcess.start(definition, "checker#1", room)
        finally:
            await room.close()

    with pytest.raises(PluginStartError) as failed:
        asyncio.run(start())
    assert message in str(failed.value)
    assert "\n" not in str(failed.value)
    until(lambda: not group_members(int(pid.read_text())), "nothing is left of it")
