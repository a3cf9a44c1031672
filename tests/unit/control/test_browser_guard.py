"""What a browser may and may not do to the admin server."""

import pytest

from headgate.control.admin.browser_guard import is_loopback, names_loopback, refusal


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:34901", "LOCALHOST", "127.0.0.1", "127.0.0.1:34901", "127.8.9.10:1", "[::1]", "[::1]:34901"]
)
def test_names_of_the_loopback(host: str) -> None:
    assert names_loopback(host)
    assert refusal("GET", {"host": host}, loopback_only=True) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:34901", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "[", "0.0.0.0", "@"],
)
def test_other_names_are_refused_on_the_loopback(host: str) -> None:
    assert not names_loopback(host)
    assert refusal("GET", {"host": host}, loopback_only=True) is not None
    assert refusal("GET", {"host": host}, loopback_only=False) is None


def test_a_request_without_host_is_no_browsers() -> None:
    assert refusal("GET", {}, loopback_only=True) is None


@pytest.mark.parametrize("origin", ["http://127.0.0.1:34901", "https://127.0.0.1:34901", "HTTP://127.0.0.1:34901"])
def test_a_page_of_the_server_itself_may_post(origin: str) -> None:
    assert refusal("POST", {"host": "127.0.0.1:34901", "origin": origin}, loopback_only=True) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "http://localhost:34901"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "file://"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("loopback_only", [True, False])
def test_a_page_elsewhere_may_not_post(headers: dict[str, str], loopback_only: bool) -> None:
    assert refusal("POST", {"host": "127.0.0.1:34901", **headers}, loopback_only) is not None


def test_a_client_that_is_no_browser_may_post() -> None:
    assert refusal("POST", {"host": "127.0.0.1:34901"}, loopback_only=True) is None
    assert refusal("POST", {"host": "127.0.0.1", "sec-fetch-site": "none"}, loopback_only=True) is None


def test_a_page_elsewhere_may_link_here_but_not_embed() -> None:
    cross = {"host": "127.0.0.1", "sec-fetch-site": "cross-site"}
    assert refusal("GET", {**cross, "sec-fetch-mode": "navigate"}, loopback_only=True) is None
    assert refusal("GET", {**cross, "sec-fetch-mode": "no-cors"}, loopback_only=True) is not None


@pytest.mark.parametrize(("address", "loopback"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("x", False)])
def test_loopback_addresses(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
