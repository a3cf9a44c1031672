from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.config.reader import read_file
from headgate.config.reference import all_models
from headgate.config.schema import json_schema

GOLDEN = Path(__file__).parents[2] / "golden"
CONFIGS = sorted(
    path for folder in ("mosn-configs", "own-configs") for path in (GOLDEN / folder).iterdir() if path.suffix in (".json", ".yaml")
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema as an editor reads it."""
    loaded: dict[str, Any] = json.loads(json.dumps(json_schema()))
    return loaded


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _misfits(schema: dict[str, Any], node: dict[str, Any], value: object, path: str) -> Iterator[str]:
    """What does not fit: as much of JSON Schema as ours uses for keys."""
    node = _resolve(schema, node)
    for option in node.get("anyOf", ()):
        if option.get("type") != "null":
            node = _resolve(schema, option)
            break
    if isinstance(value, dict) and "patternProperties" in node:
        for key, item in value.items():
            patterns = [pattern for pattern in node["patternProperties"] if re.search(pattern, key)]
            if not patterns:
                yield f"{path}.{key}"
            for pattern in patterns:
                yield from _misfits(schema, node["patternProperties"][pattern], item, f"{path}.{key}")
    elif isinstance(value, list) and "items" in node:
        for i, item in enumerate(value):
            yield from _misfits(schema, node["items"], item, f"{path}[{i}]")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_it_knows_the_keys_of_real_configurations(path: Path, schema: dict[str, Any]) -> None:
    expected = [".User"] if path.name == "ext-plugin-filter.checkconf.json" else []
    assert list(_misfits(schema, schema, read_file(path), "")) == expected


def test_every_key_is_described_and_nothing_else_is_allowed(schema: dict[str, Any]) -> None:
    for model in all_models():
        definition = schema["$defs"][model.__name__]
        assert definition["description"]
        assert definition["additionalProperties"] is False
        for name, field in definition["properties"].items():
            assert field["description"], f"{model.__name__}.{name}"


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)):
        assert _resolve(schema, {"$ref": reference})


def test_defaults_and_support_are_shown(schema: dict[str, Any]) -> None:
    listener = schema["$defs"]["ListenerConfig"]
    assert listener["properties"]["connection_idle_timeout"]["default"] == "1m30s"
    assert listener["properties"]["use_original_dst"]["description"].endswith("Not supported yet: transparent proxying.")
    assert listener["properties"]["max_connections"]["description"].endswith("(Headgate's own key.)")
    assert listener["allOf"][0]["anyOf"][0] == {"required": ["address"]}
    assert schema["$defs"]["NetworkFilterConfig"]["allOf"][1]["then"] == {"properties": {"config": {"$ref": "#/$defs/ProxyConfig"}}}
