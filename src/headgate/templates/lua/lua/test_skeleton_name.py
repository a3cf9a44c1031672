"""The script in the real engine, without a socket. Run with pytest."""

from pathlib import Path

from headgate.testing import FilterTester

SCRIPT = Path(__file__).parent / "skeleton_name.lua"
TESTER = FilterTester("lua", {"path": str(SCRIPT), "filter_context": {"header": "user", "value": "admin"}})


def test_strangers_are_sent_away() -> None:
    """The host sees nothing of them."""
    denied = TESTER.request("GET", "/")
    assert (denied.status, denied.body) == (403, b"forbidden\n")
    assert not denied.upstream


def test_admin_passes() -> None:
    """The host answers."""
    assert TESTER.request("GET", "/", {"User": "admin"}).status == 200
