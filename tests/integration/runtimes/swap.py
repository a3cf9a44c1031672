"""Replacing a filter under load: every request is answered, by the one version or the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.integration.backends import Backend, RecordedRequest, Reply
from tests.integration.harness import Headgate, HeadgateFactory, simple_config, until
from tests.integration.load import Load

Config = Callable[[str], Mapping[str, Any]]
"""From a version to keys of the configuration: ``stream_filters`` and, beside it, keys of the top level."""


class Traffic(Protocol):
    """Load in the background."""

    @property
    def answered(self) -> int:
        """Requests with an answer."""

    def wait_for(self, answered: int) -> None:
        """Wait until that many requests have been answered."""


class Swap:
    """A proxy with two workers under load, whose filter marks each request with its version.

    :param config: what is configured for a version
    """

    def __init__(self, headgate: HeadgateFactory, backend: Callable[[Callable[[RecordedRequest], Reply]], Backend], config: Config) -> None:
        self._held = threading.Event()

        def respond(request: RecordedRequest) -> Reply:
            return Reply(body=request.headers.get("x-version", "").encode(), wait=self._held if request.target == "/held" else None)

        self.upstream = backend(respond)
        self._config = config
        self.proxy: Headgate = headgate(self._whole("1"), workers=2)

    def _whole(self, version: str) -> dict[str, Any]:
        top = dict(self._config(version))
        return simple_config(self.upstream.address, stream_filters=top.pop("stream_filters"), top=top)

    def version(self) -> bytes:
        """Which version answers."""
        return self.proxy.get("/").body

    def run(self, replace: Callable[[str], None], versions: tuple[str, ...] = ("2", "3")) -> None:
        """Replace it, once for each version, under a load of which every answer is looked at.

        :param replace: puts a version in its place
        """
        with Load(self.proxy.address()) as load:
            self.run_under(load, replace, versions)
        assert not load.failures
        assert set(load.statuses) == {200}

    def run_under(self, traffic: Traffic, replace: Callable[[str], None], versions: tuple[str, ...]) -> None:
        """Replace it, once for each version, under a load that runs already. What became of that is for the caller to look at."""
        assert self.version() == b"1"
        old: list[bytes] = []
        waiting = threading.Thread(target=lambda: old.append(self.proxy.get("/held").body))
        waiting.start()
        until(lambda: any(request.target == "/held" for request in self.upstream.requests), "a request is under way")
        traffic.wait_for(50)
        for version in versions:
            replace(version)
            outcome = self.proxy.reload(self._whole(version))
            assert outcome.ok, outcome.errors
            # Each connection is new, so all workers are asked; a reload is answered when all of them have taken it up.
            assert {self.version() for _ in range(10)} == {version.encode()}
            traffic.wait_for(traffic.answered + 50)
        self._held.set()
        waiting.join(30)
        assert old == [b"1"], "a request under way ends as it began"


def file_entry(kind: str, path: Path) -> Config:
    """An entry that names a file."""
    keys = {"factory": "Marker"} if kind == "module" else {}
    return lambda version: {"stream_filters": [{"type": kind, "path": str(path), **keys}]}


def plugin_entry(folder: Path) -> Config:
    """An entry that asks a plugin, whose versions are programs of a folder: ``marker-1``, ``marker-2``."""

    def config(version: str) -> dict[str, object]:
        entry = {"type": "plugin", "config": {"plugin": "marker", "answer": {"headers": True}}}
        return {"stream_filters": [entry], "plugins": [{"name": "marker", "command": [str(folder / f"marker-{version}")]}]}

    return config
