"""Testers for filters in the worker and in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.filters.isolation_places import Isolated, OneHost, Place, SharedHosts


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedHosts]:
    shared = SharedHosts(tmp_path_factory.mktemp("h"))
    yield shared
    shared.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[OneHost]:
    one = OneHost(tmp_path)
    yield one
    one.close()


@pytest.fixture(params=[False, True], ids=["inline", "process"])
def filtered(request: pytest.FixtureRequest, hosts: SharedHosts) -> Place:
    """Makes testers, once for each place in which a filter can run."""
    return Place(hosts, request.param)


@pytest.fixture
def isolated(host: OneHost) -> Isolated:
    return Isolated(host)
