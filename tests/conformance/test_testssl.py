"""testssl.sh against a listener with the default settings: nothing above LOW."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path

import pytest

from tests.conformance.programs import Programs
from tests.integration.backends import BackendFactory
from tests.integration.harness import HeadgateFactory
from tests.integration.tls.site import Site, tls_config

HARMLESS = frozenset({"OK", "INFO", "LOW", "DEBUG"})

NOT_OURS = frozenset(
    {
        # What a certificate is like that was made for one test: no public log, no way to revoke it, its CA unknown to testssl's own stores.
        "cert_chain_of_trust",
        "cert_revocation",
        "cert_crlDistributionPoints",
        "cert_ocspURL",
        "DNS_CAArecord",
        "certificate_transparency",
        "overall_grade",
        "grade_cap_reason_1",
        # What the application behind the proxy answers with.
        "security_headers",
        "HSTS",
        # What testssl says of itself.
        "sessionresumption_ticket",  # its client may leave before the ticket comes, and then it has no session to resume
        "scanTime",
        "engine_problem",
    }
)


@pytest.mark.timeout(600)
def test_default_configuration(programs: Programs, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    program = "testssl" if Path("/usr/bin/testssl").exists() else "testssl.sh"
    site = Site(tmp_path / "certificates")
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = site.write("short", site.authority.issue_cert("localhost", not_before=now - day, not_after=now + 90 * day))
    proxy = headgate(tls_config(backend().address, tls=certificate), workers=2)
    report = tmp_path / "testssl.json"
    target = f"localhost:{proxy.address()[1]}"
    arguments = ["--quiet", "--warnings", "off", "--color", "0", "--ip", "127.0.0.1", "--jsonfile", str(report), target]
    # Its exit code is the number of findings.
    subprocess.run([programs.find(program), *arguments], cwd=tmp_path, capture_output=True, timeout=550, check=False)
    findings = json.loads(report.read_text())
    assert len(findings) > 50, "testssl.sh looked at the listener"
    bad = [found for found in findings if found["severity"] not in HARMLESS and found["id"].split(" ")[0] not in NOT_OURS]
    assert not bad, bad
