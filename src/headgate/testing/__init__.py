"""Test a filter without a socket: for an author's own pytest, and for ours.

::

    from headgate.testing import FilterTester

    def test_denies_strangers() -> None:
        exchange = FilterTester(AuthFilter, {"User": "admin"}).request("GET", "/")
        assert exchange.status == 403
        assert not exchange.upstream
"""

from headgate.testing.exchange import Exchange, ReceivedRequest, Reply
from headgate.testing.filter_tester import FilterTester
from headgate.testing.in_memory_proxy import InMemoryProxy

__all__ = ["Exchange", "FilterTester", "InMemoryProxy", "ReceivedRequest", "Reply"]
