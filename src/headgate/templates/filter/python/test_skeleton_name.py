"""The filter in the real engine, without a socket. Run with pytest."""

from skeleton_name import SkeletonName

from headgate.testing import FilterTester

TESTER = FilterTester(SkeletonName, {"User": "admin"}, config_type=dict[str, str])


def test_strangers_are_sent_away() -> None:
    """The host sees nothing of them."""
    denied = TESTER.request("GET", "/")
    assert (denied.status, denied.body) == (403, b"forbidden\n")
    assert not denied.upstream


def test_admin_passes() -> None:
    """The host answers."""
    assert TESTER.request("GET", "/", {"User": "admin"}).status == 200
