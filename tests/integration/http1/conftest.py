"""A plain proxy that the tests of one module share: starting one for each test would take longer than all else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.integration.harness import HeadgateFactory, simple_config
from tests.integration.proxy.site import Site


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The module's site; tests use ``site``."""
    factory = HeadgateFactory(tmp_path_factory.mktemp("shared"))
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    yield Site(factory(simple_config(f"127.0.0.1:{port}")), port)
    factory.close()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The module's proxy with a backend of this test."""
    yield shared_site
    shared_site.close()
