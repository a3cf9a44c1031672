"""The provider that docs/tls.md shows, run as it stands there."""

from __future__ import annotations

import http.client
import re
from pathlib import Path

import pytest

from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory, until
from tests.integration.tls.site import Site, metric, request, tls_config

PAGE = Path(__file__).parents[3] / "docs" / "tls.md"


def sample() -> str:
    """The page's Python sample."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_sample_of_the_page(headgate: HeadgateFactory, backend: BackendFactory, site: Site) -> None:
    keys = {
        "type": "folder",
        "extend_verify": {"folder": str(site.folder / "current")},
        "verify_client": True,
        "require_client_cert": True,
        "ca_cert": site.path("ca.pem"),
    }
    (site.folder / "current").mkdir()
    for key, name in (("cert_chain", "one.pem"), ("private_key", "one.key")):
        (site.folder / "current" / name).write_bytes(Path(site.server[key]).read_bytes())
    proxy = headgate(tls_config(backend().address, tls=keys), extensions=[sample()])
    ours = site.authority.issue_cert("alice@example.org", organization_name="Example")
    theirs = site.authority.issue_cert("bob@example.org", organization_name="Other")
    assert request(proxy.address(), site.client_context(site.write("alice", ours))).status == 200
    with pytest.raises((OSError, http.client.HTTPException)):
        request(proxy.address(), site.client_context(site.write("bob", theirs)))
    until(lambda: metric(proxy, "tls_handshake_failed_certificate_total") == 1, "the refusal is counted")
