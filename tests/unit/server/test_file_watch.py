"""Which files are watched, and when a change leads to a reload."""

from __future__ import annotations

import asyncio
from pathlib import Path

from headgate.config import parse
from headgate.server.file_watch import FileWatch, look, watched_files


def _config(folder: Path) -> dict[str, object]:
    proxy = {"type": "proxy", "config": {"downstream_protocol": "Http1", "router_config_name": "router"}}
    return {
        "extensions": ["./extensions", "json"],
        "servers": [
            {
                "routers": [{"router_config_name": "router", "virtual_hosts": []}],
                "listeners": [
                    {
                        "name": "listener",
                        "address": "127.0.0.1:0",
                        "bind_port": True,
                        "filter_chains": [{"filters": [proxy]}],
                        "stream_filters": [
                            {"type": "module", "path": "./auth.py", "canary": {"percent": 1, "path": "./new/auth.py"}},
                            {"type": "some_script", "config": {"nested": [{"file": str(folder / "script.lua")}], "text": "/a\nb"}},
                        ],
                    }
                ],
            }
        ],
        "plugins": [
            {"name": "checker", "command": ["./checker", "-v"]},
            {"name": "script", "command": ["/usr/bin/env", "python3", "tool.py"], "args": ["./written.log"], "cwd": "tools"},
        ],
    }


def test_the_files_of_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "extensions").mkdir()
    (tmp_path / "tools").mkdir()
    for name in ("extensions/one.py", "auth.py", "sibling.py", "checker", "script.lua", "tools/tool.py", "tools/written.log"):
        (tmp_path / name).write_text("")
    config = parse(_config(tmp_path), base=tmp_path).config
    watched = watched_files(config, tmp_path / "config.yaml") - {Path("/usr/bin/env")}
    files = {path.relative_to(tmp_path).as_posix() for path in watched}
    assert files == {"config.yaml", "extensions/one.py", "auth.py", "sibling.py", "checker", "script.lua", "new/auth.py", "tools/tool.py"}


def test_a_change_reloads_once_it_stands_still(tmp_path: Path) -> None:
    file = tmp_path / "auth.py"
    file.write_text("1")
    reloads: list[str] = []

    async def reload() -> None:
        reloads.append(file.read_text() if file.exists() else "gone")

    async def until_reloaded(count: int) -> None:
        async with asyncio.timeout(10):
            while len(reloads) < count:
                await asyncio.sleep(0.001)

    async def scenario() -> None:
        made = FileWatch(lambda: {file}, reload, 0.005)
        file.write_text("22")  # while the workers start
        watch = asyncio.create_task(made.run())
        await until_reloaded(1)
        file.write_text("333")
        await until_reloaded(2)
        file.unlink()
        await until_reloaded(3)
        watch.cancel()

    asyncio.run(scenario())
    assert reloads == ["22", "333", "gone"]


def test_a_missing_file_is_left_out(tmp_path: Path) -> None:
    assert look({tmp_path / "none"}) == {}
