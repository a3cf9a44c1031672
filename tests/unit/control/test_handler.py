"""Registering admin handlers, and responses on the wire."""

import json

import pytest

from headgate.api.errors import HeaderError, RegistrationError
from headgate.api.registry import ExtensionScope, collecting
from headgate.config.models import AdminConfig
from headgate.control.admin.connection import encoded
from headgate.control.admin.handler import (
    ADMIN_HANDLERS,
    AdminRequest,
    AdminResponse,
    admin_handler,
    error_response,
    json_response,
    text_response,
)
from headgate.control.admin.server import AdminServer
from headgate.control.admin.view import FEATURE_GATES, AdminView

PATHS = [
    "/", "/api/v1/config_dump", "/api/v1/disable_log", "/api/v1/enable_log", "/api/v1/env", "/api/v1/features", "/api/v1/get_loglevel",
    "/api/v1/plugin", "/api/v1/plugins", "/api/v1/states", "/api/v1/stats", "/api/v1/stats_glob", "/api/v1/update_loglevel",
    "/api/v1/version", "/api/v1/workers", "/healthz", "/metrics", "/readyz",
]  # fmt: skip


async def _hello(request: AdminRequest, view: AdminView) -> AdminResponse:
    return text_response("hello")


def test_the_paths_that_ship() -> None:
    shipped = [route.name for route in ADMIN_HANDLERS.registered() if route.origin.startswith("headgate.control.admin.routes.")]
    assert shipped == PATHS


def test_a_path_is_registered_once() -> None:
    with pytest.raises(RegistrationError, match="/api/v1/version"):
        admin_handler("/api/v1/version")(_hello)


@pytest.mark.parametrize(
    ("path", "methods", "message"),
    [
        ("hello", ("GET",), "begins with '/'"),
        ("/hello", ("PUT", "GET"), "got PUT"),
        ("/hello", (), "got none"),
    ],
)
def test_what_cannot_be_registered(path: str, methods: tuple[str, ...], message: str) -> None:
    with pytest.raises(RegistrationError, match=message):
        admin_handler(path, methods=methods)(_hello)


def test_a_configurations_own_handlers_are_served_with_it_only(view: AdminView) -> None:
    scope = ExtensionScope()
    with collecting(scope):
        admin_handler("/hello")(_hello)
    assert "/hello" in AdminServer(AdminConfig(), view, scope).paths
    assert "/hello" not in AdminServer(AdminConfig(), view).paths


def test_the_default_features_are_mosns_and_a_copy(view: AdminView) -> None:
    view.features()["auto_config"] = True
    assert view.features() == FEATURE_GATES
    assert set(FEATURE_GATES.values()) == {False}


def test_a_response_on_the_wire() -> None:
    head, _, body = encoded(text_response("ä\n")).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: 3",
        b"Cache-Control: no-store",
        b"X-Content-Type-Options: nosniff",
        b"Connection: close",
    ]
    assert body == "ä\n".encode()


def test_an_empty_response_has_no_content_type() -> None:
    wire = encoded(AdminResponse(405))
    assert wire.startswith(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n")
    assert b"\r\nContent-Type:" not in wire
    assert encoded(AdminResponse(599)).startswith(b"HTTP/1.1 599 \r\n")


def test_a_response_may_have_headers_of_its_own() -> None:
    assert b"\r\nAllow: GET\r\n" in encoded(AdminResponse(405, headers={"Allow": "GET"}))
    with pytest.raises(HeaderError):
        AdminResponse(200, headers={"X": "a\r\nSet-Cookie: b"})


def test_errors_are_json() -> None:
    response = error_response('no "x"\n', 400)
    assert (response.status, json.loads(response.body)) == (400, {"error": 'no "x"\n'})
    assert json_response({"a": 1}).content_type == "application/json"
