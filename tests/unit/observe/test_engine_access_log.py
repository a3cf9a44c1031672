"""The access log as the engine writes it: every way out of a stream leaves exactly one line, with the values that the engine notes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headgate.testing import InMemoryProxy, Reply

if TYPE_CHECKING:
    from tests.unit.conftest import Bench

FORMAT = (
    "%x-mosn-method% %Http1_request_uri% %protocol% %response_code% %bytes_received% %bytes_sent% %response_flag% %upstream_cluster% "
    "%upstream_host% %upstream_attempts% %listener_name% %request_header_user-agent% %Http1_request_arg_q% %no_such%"
)


@pytest.fixture
def lines(bench: Bench, tmp_path: Path) -> Callable[..., list[str]]:
    """Sends requests one after another and returns the lines of the access log."""

    def run(requests: list[tuple[str, str, dict[str, str], bytes]], reply: Reply | None = None, **parts: object) -> list[str]:
        path = tmp_path / "access.log"
        log = {"log_path": str(path), "log_format": FORMAT}

        async def scenario(proxy: InMemoryProxy) -> None:
            for method, target, headers, body in requests:
                client = proxy.connect("listener")
                await client.exchange(method, target, headers, body, None, 10.0)
            proxy.close()

        bench.run(scenario, reply, listener={"access_logs": [log]}, **parts)
        return path.read_text().splitlines()

    return run


def test_a_forwarded_request(lines: Callable[..., list[str]]) -> None:
    request = ("POST", "/a%20b?q=x", {"Host": "h", "User-Agent": 'forged" 200'}, b"12345")
    assert lines([request], Reply(201, body=b"hello!")) == [
        'POST /a%20b?q=x Http1 201 5 6 false upstream 127.0.0.1:2 1 listener forged\\" 200 x -'
    ]


def test_a_direct_response(lines: Callable[..., list[str]]) -> None:
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 204, "body": ""}}]
    assert lines([("GET", "/", {"Host": "h"}, b"")], routes=routes) == ["GET / Http1 204 0 0 false - - 0 listener - - -"]


def test_a_request_without_a_route(lines: Callable[..., list[str]]) -> None:
    (line,) = lines([("GET", "/", {"Host": "h"}, b"")], routes=[{"match": {"path": "/x"}, "route": {"cluster_name": "upstream"}}])
    assert line.startswith("GET / Http1 404 ")
    assert " true - - 0 listener " in line
