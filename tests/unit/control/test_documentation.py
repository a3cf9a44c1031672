"""docs/observability.md has a section for each path of the admin API, and says which methods it answers."""

import re
from pathlib import Path

from headgate.control.admin.handler import ADMIN_HANDLERS, ANY_METHOD
from headgate.control.admin.server import AdminLimits

DOCUMENT = (Path(__file__).parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")


def test_every_path_has_a_section_that_begins_with_its_methods() -> None:
    documented = dict(re.findall(r"^### `(/[^`]*)`\n\n([A-Za-z ]+?)(?: \*\*\(H\)\*\*)?[.;]", DOCUMENT, re.MULTILINE))
    shipped = {
        found.name: found.create(None).methods
        for found in ADMIN_HANDLERS.registered()
        if found.origin.startswith("headgate.control.admin.routes.")
    }
    assert documented == {path: "Any method" if methods == ANY_METHOD else " ".join(methods) for path, methods in shipped.items()}


def test_the_limits_are_as_documented() -> None:
    limits = AdminLimits()
    assert f"{limits.request_bytes // 1024} KiB for a request (413), {limits.connections} connections (503)" in DOCUMENT
    assert f"{limits.timeout:.0f} seconds for a\nrequest to arrive (408)" in DOCUMENT
