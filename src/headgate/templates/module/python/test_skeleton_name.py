"""The file in the real engine, without a socket. Run with pytest."""

from pathlib import Path

from skeleton_name import SkeletonName

from headgate.testing import FilterTester

FILE = Path(__file__).with_name("skeleton_name.py")
TESTER = FilterTester("module", {"User": "admin"}, entry={"path": str(FILE)})


def test_strangers_are_sent_away() -> None:
    """The host sees nothing of them."""
    denied = TESTER.request("GET", "/")
    assert (denied.status, denied.body) == (403, b"forbidden\n")
    assert not denied.upstream


def test_admin_passes() -> None:
    """The host answers."""
    assert TESTER.request("GET", "/", {"User": "admin"}).status == 200


def test_the_filter_by_itself() -> None:
    """Without its file's factory."""
    assert FilterTester(SkeletonName, {"User": "admin"}).request("GET", "/").status == 403
