"""docs/upstreams.md: its configurations are valid, its load balancer works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from headgate.api import Stream
from headgate.api.registry import ExtensionScope, collecting
from headgate.config.mosn_names import UNSUPPORTED_LB_TYPES
from headgate.upstream.cluster_manager import BUILT_IN_MODULES
from headgate.upstream.load_balancer import LOAD_BALANCERS

if TYPE_CHECKING:
    from tests.unit.upstream.conftest import MakeManager

DOCUMENT = (Path(__file__).parents[3] / "docs" / "upstreams.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_examples(make_manager: MakeManager) -> None:
    names: list[str] = []
    for block in blocks("yaml"):
        names += make_manager(*yaml.safe_load(block)["clusters"]).clusters
    assert names == ["web", "api"]


def test_every_load_balancer_that_ships_is_described() -> None:
    described = set(re.findall(r"^\| `(LB_\w+)`", DOCUMENT, re.MULTILINE))
    shipped = {entry.name for entry in LOAD_BALANCERS.registered() if entry.origin in BUILT_IN_MODULES}
    assert described == shipped
    assert not shipped & UNSUPPORTED_LB_TYPES


def test_the_load_balancer(make_manager: MakeManager, stream: Stream) -> None:
    scope = ExtensionScope()
    (source,) = blocks("python")
    with collecting(scope):
        exec(compile(source, "docs/upstreams.md", "exec"), {"__name__": "example"})
    hosts = [{"address": "127.0.0.1:1"}, {"address": "127.0.0.1:2", "metadata": {"zone": "a"}}]
    cluster = make_manager({"name": "c", "lb_type": "prefer_zone_a", "hosts": hosts}, scope=scope).get("c")
    assert cluster is not None
    first, second = cluster.hosts
    assert cluster.choose_host(stream, []) is second
    assert cluster.choose_host(stream, [second]) is first
    assert cluster.choose_host(stream, [first, second]) is second
    first.healthy = second.healthy = False
    assert cluster.choose_host(stream, []) is None
