"""One filter, written every way: the same requests have the same visible results.

Rust and Go are run by tests/conformance/test_native_languages.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.runtimes.every_way import EveryWay, Site, site_of
from tests.integration.runtimes.ways import WAYS


@pytest.fixture(scope="module", params=list(WAYS))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A proxy with the filter in one language."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADGATE_WASM_CACHE", str(folder / "cache"))
        with site_of(WAYS[request.param](folder), folder) as made:
            yield made


class TestEveryWay(EveryWay):
    """The cases."""
