"""The pages about plugins show the examples' own files, and the examples are what ``headgate new`` writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headgate.cli.skeleton import make

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs" / "plugins"
EXAMPLE = ROOT / "examples" / "plugin_filter"
LOADER = ROOT / "examples" / "plugin_cert_loader"
_BLOCK = re.compile(r"^```(go|java|proto)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sources(language: str) -> str:
    return "\n".join(path.read_text() for path in sorted(EXAMPLE.rglob(f"*.{language}")))


@pytest.mark.parametrize("page", ["go.md", "java.md", "README.md"])
def test_code_is_the_examples(page: str) -> None:
    blocks = _BLOCK.findall((PAGES / page).read_text())
    assert blocks
    for language, text in blocks:
        assert text in sources(language)


@pytest.mark.parametrize(
    ("language", "folder", "names"),
    [
        ("python", "", ["checker.py", "checkconf.json"]),
        ("go", "go", ["main.go", "go.mod", "go.sum", "serve.go", "plugin.pb.go", "plugin_grpc.pb.go"]),
        (
            "java",
            "java",
            ["pom.xml", "src/main/java/Checker.java", "src/main/java/headgate/plugin/PluginServer.java", "src/main/proto/plugin.proto"],
        ),
    ],
)
def test_the_example_is_what_new_writes(language: str, folder: str, names: list[str]) -> None:
    """So that what is tested, documented and written for users is one program in each language."""
    written = make("plugin", "checker", language, Path("checker")).files
    for name in names:
        assert (EXAMPLE / folder / name).read_text() == written[name], name


@pytest.mark.parametrize(("language", "name"), [("go", "go.mod"), ("go", "go.sum"), ("go", "serve.go"), ("java", "pom.xml")])
def test_the_loader_is_built_likewise(language: str, name: str) -> None:
    assert (LOADER / language / name).read_text() == make("plugin", "loader", language, Path("loader")).files[name]
