"""Whatever is thrown at it: loading answers, and what it accepts survives every form it is written in."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.api.errors import ConfigRejected
from headgate.config import examine, load, parse
from headgate.config.dump import normal_form, to_json
from headgate.config.keys import key_table
from headgate.config.reader import read_file
from headgate.config.reference import all_models
from headgate.config.wire import from_wire, to_wire

FULL = read_file(Path(__file__).parents[2] / "golden" / "own-configs" / "full.yaml")
KEYS = sorted({name for model in all_models() for name in key_table(model).names})

scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**20), max_value=10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Http1", "Auto", "proxy", "*", "/", "127.0.0.1:80", "1s", "LB_RANDOM", "r", "c", "unix:/a", "\ud800", "(", "stdout"])
)
keys = st.sampled_from(KEYS) | st.sampled_from(KEYS).map(str.upper) | st.text(max_size=5)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=30)


@given(anything)
def test_any_data_is_parsed_or_rejected(value: object) -> None:
    try:
        parse(value, base="/nowhere")
    except ConfigRejected as error:
        assert error.errors
        assert all(line.strip() for line in str(error).split("\n"))


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _paths(item, (*path, key))
    return found


def _damaged(path: tuple[str | int, ...], value: object) -> Any:
    damaged: Any = json.loads(json.dumps(FULL))
    holder = damaged
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return damaged


@given(st.sampled_from(_paths(FULL)), anything, st.booleans())
@settings(max_examples=400)
def test_a_configuration_with_anything_in_one_place(path: tuple[str | int, ...], value: object, lenient: bool) -> None:
    found = examine(_damaged(path, value), base="/etc/headgate", lenient=lenient)
    assert found.config is not None
    if not found.errors:
        assert from_wire(to_wire(found.config)) == found.config
        json.loads(to_json(found.config)).keys()
        again = examine(normal_form(found.config), base="/etc/headgate")
        assert again.errors == ()
        assert again.config is not None
        assert normal_form(again.config) == normal_form(found.config)


@given(
    st.binary(max_size=200) | st.text(alphabet='{}[]:,"\\ \n\ta1&*!-#|>%@', max_size=80).map(str.encode),
    st.sampled_from(["a.json", "a.yaml"]),
)
@settings(max_examples=300)
def test_any_file_is_loaded_or_rejected(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        with pytest.raises(ConfigRejected) as caught:
            load(path)
    assert all(line.strip() for line in str(caught.value).split("\n"))


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_case_of_keys_does_not_matter(data: st.DataObject) -> None:
    def mixed(value: object, free: bool = False) -> object:
        if isinstance(value, list):
            return [mixed(item, free) for item in value]
        if not isinstance(value, dict):
            return value
        choose: Callable[[str], str] = (
            (lambda key: key) if free else (lambda key: data.draw(st.sampled_from([key, key.upper(), key.title()])))
        )
        return {
            choose(key): mixed(item, free or key in ("metadata", "per_filter_config")) if key != "config" else item
            for key, item in value.items()
        }

    assert examine(mixed(FULL), base="/etc/headgate").config == examine(FULL, base="/etc/headgate").config


@pytest.mark.parametrize("depth", [200, 5000])
def test_deep_nesting(depth: int) -> None:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    for path in (
        ("pid",),
        ("servers",),
        ("servers", 0, "listeners", 0, "stream_filters", 0, "config"),
        ("servers", 0, "routers", 0, "virtual_hosts", 0, "domains"),
    ):
        assert examine(_damaged(path, value), base="/etc/headgate").errors
