"""The shared object in the real engine, without a socket. Build it, then run with pytest."""

from pathlib import Path

from headgate.testing import FilterTester

LIBRARY = Path(__file__).with_name("skeleton_name.so")
TESTER = FilterTester("native", {"User": "admin"}, entry={"path": str(LIBRARY)})


def test_strangers_are_sent_away() -> None:
    """The host sees nothing of them."""
    denied = TESTER.request("GET", "/")
    assert (denied.status, denied.body) == (403, b"forbidden\n")
    assert not denied.upstream


def test_admin_passes() -> None:
    """The host answers."""
    assert TESTER.request("GET", "/", {"User": "admin"}).status == 200
