"""The answer to ``headgate status`` as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_WORKER_COLUMNS: Final = ("slot", "pid", "state", "connections", "requests", "uptime", "restarts")


def status_lines(answer: Mapping[str, object]) -> list[str]:
    """The lines.

    :param answer: what the proxy said
    """
    state = "running" if answer.get("ready") else "not ready"
    lines = [
        f"headgate {answer.get('version')} is {state}: pid {answer.get('pid')}, up {answer.get('uptime')} s",
        f"configuration {answer.get('generation')}: {answer.get('config')}",
        f"control socket: {answer.get('control_socket')}",
        f"admin: {answer.get('admin') or 'none'}",
    ]
    listeners = answer.get("listeners")
    for name, address in listeners.items() if isinstance(listeners, dict) else ():
        lines.append(f"listener {name}: {address}")
    lines.extend(_reload_lines(answer.get("last_reload")))
    lines.extend(_worker_lines(answer.get("workers")))
    lines.extend(_plugin_lines(answer.get("plugins")))
    return lines


def _reload_lines(last: object) -> Iterator[str]:
    if not isinstance(last, dict) or not last:
        return
    if last.get("ok"):
        yield "last reload: ok"
        return
    yield "last reload: refused"
    for error in last.get("errors") or []:
        yield f"  {error}"


def _plugin_lines(plugins: object) -> Iterator[str]:
    for plugin in plugins if isinstance(plugins, list) else ():
        pids = ", ".join(str(instance.get("pid")) for instance in plugin.get("instances") or [])
        line = f"plugin {plugin.get('name')}: {plugin.get('state')}, pid {pids or 'none'}, {plugin.get('restarts')} restarts"
        yield f"{line}; last failure: {plugin['last_error']}" if plugin.get("last_error") else line


def _worker_lines(workers: object) -> Iterator[str]:
    if not isinstance(workers, list):
        return
    rows = [[str(worker.get(column)) for column in _WORKER_COLUMNS] for worker in workers]
    widths = [max(len(row[i]) for row in [list(_WORKER_COLUMNS), *rows]) for i in range(len(_WORKER_COLUMNS))]
    for row in [list(_WORKER_COLUMNS), *rows]:
        yield "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
    for worker in workers:
        if worker.get("last_death"):
            yield f"worker {worker.get('slot')} was replaced: {worker.get('last_death')}"
