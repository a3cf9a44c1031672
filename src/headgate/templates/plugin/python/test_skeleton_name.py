"""The service without a process. Run with pytest."""

import pytest
from skeleton_name import REJECTED, SkeletonName

from headgate.plugin import Request


@pytest.mark.parametrize(("user", "status"), [("admin", 0), ("guest", REJECTED), ("", REJECTED)])
def test_only_admin_passes(user: str, status: int) -> None:
    """Whatever the case of the header's name."""
    for name in ("User", "user"):
        assert SkeletonName({"User": "admin"}).call(Request({name: user})).status == status


def test_without_the_header() -> None:
    """A request that lacks it is rejected."""
    assert SkeletonName({"User": "admin"}).call(Request()).status == REJECTED
