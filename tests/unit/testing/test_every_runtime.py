"""``FilterTester`` drives what ships by its name alone: nothing has to be imported, registered or known."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import headgate.runtimes.builtin  # noqa: F401  # everything that ships has registered
from headgate.api.certificates import CERTIFICATE_PROVIDERS
from headgate.api.isolation import ISOLATIONS
from headgate.api.registry import Registry
from headgate.api.stream_filter import STREAM_FILTERS

DEMO = Path(__file__).parents[2] / "integration" / "runtimes" / "demo"

PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from headgate.testing import FilterTester
assert not [name for name in sys.modules if name.startswith("headgate.runtimes")]

def check(tester):
    denied = tester.request("GET", "/")
    assert (denied.status, denied.body, denied.upstream) == (403, b"forbidden\\n", []), denied
    assert tester.request("GET", "/", {{"User": "admin"}}).status == 200

demo = Path({demo!r})
check({call})
print("fine")
"""

CALLS = {
    "module": 'FilterTester("module", {"user": "admin"}, entry={"path": str(demo / "module_auth.py")})',
    "native": 'FilterTester("native", {"user": "admin"}, entry={"path": str(__import__("tests.native.build").native.build.build('
    'demo / "auth.c", Path("auth.so")).resolve())})',
    "lua": 'FilterTester("lua", {"filter_context": {"user": "admin"}}, entry={"path": str(demo / "auth.lua")})',
    "wasm": 'FilterTester("wasm", {"configuration": "admin", "phase": "after_route"}, entry={"path": str(demo / "auth.wat")})',
}


@pytest.mark.parametrize("kind", CALLS)
def test_by_name_alone(kind: str, tmp_path: Path) -> None:
    program = PROGRAM.format(root=str(Path(__file__).parents[3]), demo=str(DEMO), call=CALLS[kind])
    environment = {"HEADGATE_WASM_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.parametrize("registry", [STREAM_FILTERS, ISOLATIONS, CERTIFICATE_PROVIDERS], ids=lambda registry: str(registry.kind))
def test_what_runtimes_register_has_an_entry_point(registry: Registry[object]) -> None:
    """And each entry point leads to what is registered under its name."""
    found = {entry.name: entry.load() for entry in importlib.metadata.entry_points(group=f"headgate.{registry.kind}")}
    shipped = {each.name for each in registry.registered() if each.origin.startswith("headgate.runtimes.")}
    assert shipped <= found.keys()
    assert shipped
