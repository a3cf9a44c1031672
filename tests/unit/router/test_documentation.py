"""docs/routing.md: its configurations are valid, and its statements about them hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from headgate.api import ConfigError
from headgate.config.models import RouterConfig
from headgate.router import RouterTable
from headgate.router.regex import compile_regex

if TYPE_CHECKING:
    from tests.unit.router.conftest import MakeStream

DOCUMENT = (Path(__file__).parents[3] / "docs" / "routing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


def tables() -> dict[str, RouterTable]:
    configs = [RouterConfig.model_validate(yaml.safe_load(block)) for block in BLOCKS]
    return {config.router_config_name: RouterTable(config, "") for config in configs}


def cluster(table: RouterTable, make_stream: MakeStream, target: str, host: str = "a.com", **parts: str) -> str | None:
    route = table.match(make_stream(target, host, **parts))
    return None if route is None else route.info.cluster_name


def test_examples(make_stream: MakeStream) -> None:
    found = tables()
    assert set(found) == {"main", "matches", "actions"}
    assert cluster(found["main"], make_stream, "/api/x", "eu.shop.example.com:81") == "api"
    assert cluster(found["main"], make_stream, "/x", "shop.example.com") == "web"
    assert cluster(found["main"], make_stream, "/api/x", "shop.example.org") == ""
    assert cluster(found["matches"], make_stream, "/admin", method="HEAD", X_Team="platform") == "admin"
    assert cluster(found["matches"], make_stream, "/admin", method="PUT", X_Team="platform") is None
    assert cluster(found["matches"], make_stream, "/x", method="POST", Content_Type="application/json") == "beta"


def test_the_rewrite(make_stream: MakeStream) -> None:
    stream = make_stream("/user/7/a?b")
    route = tables()["actions"].match(stream)
    assert route is not None
    route.finalize_request(stream)
    assert stream.request.target == "/u-7/a?b"
    assert stream.request.headers.get("x-proxy") == "headgate"
    assert stream.request.headers.get("x-client") == "192.0.2.1:4711"


@pytest.mark.parametrize(
    "text",
    [r"(a+)+$", r"^/(?:[a-z]+-?)+$", r"(.*/)*x", r"^/v1/(.+)/(.+)/(.+)$", r"/.*/a/.*/b"],
)
def test_expressions_that_are_refused(text: str) -> None:
    assert f"`{text}`" in DOCUMENT
    with pytest.raises(ConfigError):
        compile_regex(text, "")


@pytest.mark.parametrize(
    "text",
    [r"^/[a-z]+(?:-[a-z]+)*$", r"([^/]*/)*x", r"^/api/v[0-9]+/", r"\.(js|css)$", r"^/users/[^/]+/posts/[^/]+$", r".*user=beta.*"],
)
def test_expressions_that_are_accepted(text: str) -> None:
    assert f"`{text}`" in DOCUMENT
    compile_regex(text, "")
