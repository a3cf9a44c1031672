"""The fields that the proxy adds itself, each of which can be switched off."""

from __future__ import annotations

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, simple_config

FIELDS = {"x_forwarded_for": "x-forwarded-for", "x_forwarded_proto": "x-forwarded-proto", "x_request_id": "x-request-id", "via": "via"}


def test_all_are_added(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    for _ in range(2):
        assert proxy.get().status == 200
    first, second = (request.headers for request in upstream.requests)
    assert (first["x-forwarded-for"], first["x-forwarded-proto"], first["via"]) == ("127.0.0.1", "http", "1.1 headgate")
    assert first["x-request-id"] != second["x-request-id"]


@pytest.mark.parametrize("off", list(FIELDS))
def test_each_can_be_switched_off(headgate: HeadgateFactory, backend: BackendFactory, off: str) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address, http1={off: False}))
    assert proxy.get().status == 200
    assert [key for key, name in FIELDS.items() if name not in upstream.requests[0].headers] == [off]


def test_what_a_client_sent_before(headgate: HeadgateFactory, backend: BackendFactory) -> None:
    upstream = backend()
    proxy = headgate(simple_config(upstream.address))
    sent = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Request-Id": "mine", "Via": "1.0 before"}
    assert proxy.get(headers=sent).status == 200
    headers = upstream.requests[0].headers
    assert headers["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-request-id"]) == ("https", "mine")
    head = upstream.requests[0].head
    assert head.index(b"Via: 1.0 before\r\n") < head.index(b"Via: 1.1 headgate\r\n")
