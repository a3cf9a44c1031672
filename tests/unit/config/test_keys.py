from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.config import examine, parse
from headgate.config.keys import RepeatedKeys
from headgate.config.reference import all_models

Change = Callable[[str, object], dict[str, Any]]
Lines = Callable[..., list[str]]


def _upper(value: object) -> object:
    """Every key in capitals, as far as keys are ours."""
    if isinstance(value, dict):
        return {key.upper(): _upper(item) for key, item in value.items()}
    return [_upper(item) for item in value] if isinstance(value, list) else value


def test_keys_in_any_case(base: dict[str, Any]) -> None:
    assert parse(_upper(base)).config == parse(base).config


def test_unknown_key_names_the_nearest(change: Change, errors: Lines) -> None:
    assert errors(change("servers[0].listeners[0].adress", "x")) == [
        "servers[0].listeners[0].adress: unknown key (did you mean 'address'?)"
    ]


def test_unknown_key_that_belongs_elsewhere(change: Change, errors: Lines) -> None:
    path = "servers[0].routers[0].virtual_hosts[0].routers[0].timeout"
    assert errors(change(path, "1s")) == [f"{path}: unknown key (it belongs in 'route')"]


def test_unknown_key_in_a_proxy_filter(change: Change, errors: Lines) -> None:
    path = "servers[0].listeners[0].filter_chains[0].filters[0].config"
    config = {"downstream_protocol": "Http1", "router_config_name": "r", "extend_config": {"Http1": {"max_header_sise": 1}}}
    assert errors(change(path, config)) == [f"{path}.extend_config.Http1.max_header_sise: unknown key (did you mean 'max_header_size'?)"]


def test_lenient_turns_unknown_keys_into_warnings(change: Change) -> None:
    found = examine(change("servers[0].listeners[0].adress", "x"), lenient=True)
    assert not found.errors
    expected = "servers[0].listeners[0].adress: unknown key, ignored (did you mean 'address'?)"
    assert [warning.render() for warning in found.warnings] == [expected]


def test_lenient_does_not_let_unknown_protocols_or_clusters_pass(change: Change, errors: Lines) -> None:
    change("servers[0].routers[0].virtual_hosts[0].routers[0].route.cluster_name", "nope")
    assert errors(change("cluster_manager.clusters[0].type", "SIMPEL"), lenient=True) == [
        "cluster_manager.clusters[0].type: unknown cluster type 'SIMPEL' (did you mean 'SIMPLE'?)",
        "servers[0].routers[0].virtual_hosts[0].routers[0].route.cluster_name: no cluster 'nope' (known: c)",
    ]


def test_one_key_in_two_spellings(change: Change, errors: Lines) -> None:
    assert errors(change("cluster_manager.clusters[0].Name", "d")) == [
        "cluster_manager.clusters[0].name: given twice, as 'Name' too (keys are the same in any case)"
    ]


def test_old_names(base: dict[str, Any], errors: Lines) -> None:
    assert parse({**base, "close_graceful": True}).config.disable_upgrade
    assert errors({**base, "close_graceful": True, "disable_upgrade": True}) == [
        "disable_upgrade: given twice, as 'disable_upgrade' too (keys are the same in any case)"
    ]


def test_repeated_keys(base: dict[str, Any], errors: Lines) -> None:
    repeated = RepeatedKeys(["'name' (lines 3 and 9)"])
    repeated.update(base["servers"][0]["listeners"][0])
    base["servers"][0]["listeners"][0] = repeated
    free = RepeatedKeys(["'User'"])
    free["User"] = "admin"
    repeated["stream_filters"] = [{"type": "demo", "config": {"nested": free}}]
    assert errors(base) == [
        "servers[0].listeners[0]: the key 'name' (lines 3 and 9) stands twice",
        "servers[0].listeners[0].stream_filters[0].config.nested: the key 'User' stands twice",
    ]


def test_required_keys(base: dict[str, Any], errors: Lines) -> None:
    del base["servers"][0]["listeners"][0]["address"]
    base["cluster_manager"]["clusters"][0]["hosts"][0] = {"address": None}
    base["servers"][0]["listeners"][0]["filter_chains"][0]["filters"][0]["config"].pop("router_config_name")
    assert errors(base) == [
        "servers[0].listeners[0].filter_chains[0].filters[0].config.router_config_name: required, but not given",
        "servers[0].listeners[0].address: required, but not given",
        "cluster_manager.clusters[0].hosts[0].address: required, but not given",
    ]


def test_null_is_like_not_given(change: Change) -> None:
    config = parse(change("servers[0].listeners[0].stream_filters", None)).config
    assert config.servers[0].listeners[0].stream_filters == []


def test_free_mappings_are_left_alone_but_must_be_json(change: Change, errors: Lines) -> None:
    path = "servers[0].listeners[0].stream_filters"
    config = {"User": None, "Mixed_Case": {"B": 1, "a": [1.5, {"c": True}]}, 7: "seven", True: "yes"}
    parsed = parse(change(path, [{"type": "demo", "config": config}])).config
    assert parsed.servers[0].listeners[0].stream_filters[0].config == {
        "User": None,
        "Mixed_Case": {"B": 1, "a": [1.5, {"c": True}]},
        "7": "seven",
        "true": "yes",
    }
    deep: object = 1
    for _ in range(70):
        deep = [deep]
    bad = {"a": {1, 2}, "b": float("inf"), "c": deep, "d": "\ud800", (1, 2): 1}
    found = errors(change(path, [{"type": "demo", "config": bad}]))
    assert found[0] == f"{path}[0].config.a: a value of type set, which JSON does not have (put it in quotes)"
    assert found[1] == f"{path}[0].config.b: not a finite number"
    assert found[2].endswith("nested more than 64 deep")
    assert found[3] == f"{path}[0].config.d: text that is not valid Unicode"
    assert found[4] == f"{path}[0].config: the key (1, 2) is not text (put it in quotes)"


def test_keys_that_are_not_text(base: dict[Any, Any], errors: Lines) -> None:
    base[1] = 2
    assert errors(base) == ["the key 1 is not text (put it in quotes)"]


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.__name__)
def test_models_are_all_described_and_can_be_made_of_nothing(model: type) -> None:
    made = model()
    assert made.model_dump() is not None
    assert model.__doc__ and model.__doc__.strip().endswith((".", "all."))
    for name, field in made.model_fields_set or type(made).model_fields.items():
        assert field.description and field.description.endswith("."), name
    attributes = set(type(made).model_fields)
    assert made.own_keys <= attributes
    names = {field.serialization_alias or name for name, field in type(made).model_fields.items()}
    assert made.required_keys <= names
