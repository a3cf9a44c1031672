"""The plugin examples in Go and Java, by the configuration of the Python ones with another ``command``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conformance.plugin_programs import built
from tests.conformance.programs import Programs
from tests.integration.backends import BackendFactory
from tests.integration.examples.plugin_examples import (
    STOPPED,
    assert_certificate_is_the_plugins,
    assert_only_admin_passes,
    copied,
    make_certificates,
    plugin_pid,
    started,
    warmed_up,
)
from tests.integration.harness import HeadgateFactory, alive, until

LANGUAGES = ["go", "java"]
FILTER = {"go": ["go/checker"], "java": ["java", "-jar", "java/target/checker.jar"]}
LOADER = {"go": ["go/loader"], "java": ["java", "-jar", "java/target/loader.jar"]}
CALLS = 10_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_filter(language: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    upstream = backend()
    proxy = started(headgate, copied(built("plugin_filter"), tmp_path), upstream, command=FILTER[language])
    assert_only_admin_passes(proxy, "demo", upstream)
    assert proxy.stop() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_certificate_loader(language: str, headgate: HeadgateFactory, backend: BackendFactory, tmp_path: Path) -> None:
    folder = copied(built("plugin_cert_loader"), tmp_path)
    make_certificates(folder)
    proxy = started(headgate, folder, backend(), command=LOADER[language])
    assert_certificate_is_the_plugins(proxy, "demo", folder)


@pytest.mark.parametrize("program", ["go", "go with go-plugin 1.0.1", "java"])
def test_ten_thousand_calls_and_a_clean_end(
    program: str, headgate: HeadgateFactory, backend: BackendFactory, programs: Programs, tmp_path: Path
) -> None:
    """Each request is one call. Asked to shut down, the plugin ends by itself: one that is killed does not say that it stopped."""
    command = FILTER.get(program) or [str(built("checker-1.0.1"))]
    proxy = started(headgate, copied(built("plugin_filter"), tmp_path), backend(), command=command)
    host, port = proxy.address("demo")
    warmed_up(proxy.address("demo"))
    pid = plugin_pid(proxy, "checker")
    output = programs.run("ab", "-q", "-k", "-n", str(CALLS), "-c", "16", "-H", "User: admin", f"http://{host}:{port}/")
    assert re.search(rf"Complete requests:\s+{CALLS}", output)
    assert re.search(r"Failed requests:\s+0", output)
    assert "Non-2xx" not in output
    assert plugin_pid(proxy, "checker") == pid, "one process served all of them"
    assert proxy.stop() == 0
    assert not alive(pid)
    until(lambda: STOPPED in proxy.logs)
