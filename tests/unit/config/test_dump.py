from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from headgate.config import examine, parse
from headgate.config.dump import dump, normal_form, to_json

Change = Callable[[str, object], dict[str, Any]]


def test_defaults_spelling_and_durations(base: dict[str, Any]) -> None:
    base["servers"][0]["listeners"][0]["Connection_Idle_Timeout"] = "90s"
    shown = json.loads(to_json(parse(base).config))
    listener = shown["servers"][0]["listeners"][0]
    assert listener["connection_idle_timeout"] == "1m30s"
    proxy = listener["filter_chains"][0]["filters"][0]["config"]
    assert proxy["extend_config"]["Http1"]["header_timeout"] == "10s"
    assert shown["cluster_manager"]["clusters"][0]["connect_timeout"] == "10s"


def test_secrets_are_left_out(change: Change) -> None:
    change("servers[0].listeners[0].filter_chains[0].tls_context", {"private_key": "key.pem"})
    config = parse(change("servers[0].listeners[0].stream_filters", [{"type": "a", "config": {"api_key": "x"}}])).config
    assert "key.pem" in json.dumps(normal_form(config))
    text = json.dumps(dump(config))
    assert "key.pem" not in text
    assert text.count("***REDACTED***") == 2


def test_read_again_it_is_the_same(base: dict[str, Any]) -> None:
    config = parse(base).config
    again = examine(normal_form(config), base="/elsewhere")
    assert again.errors == ()
    assert again.warnings == ()
    assert again.config is not None
    assert normal_form(again.config) == normal_form(config)


def test_a_rejected_configuration_can_be_shown_too(change: Change) -> None:
    found = examine(
        change("servers[0].listeners[0].filter_chains[0].filters[0].config", {"extend_config": {"Http1": {"via": 1}}, "name": 5})
    )
    assert found.errors
    assert found.config is not None
    assert json.loads(to_json(found.config))["servers"][0]["listeners"][0]["name"] == "l"


def test_no_value_of_a_plugins_environment_is_shown(base: dict[str, Any]) -> None:
    base["plugins"] = [{"name": "checker", "command": ["/bin/checker"], "args": ["-v"], "env": {"MODE": "fast", "EMPTY": ""}}]
    plugins = dump(parse(base).config)["plugins"]
    assert isinstance(plugins, list)
    assert plugins[0]["env"] == {"MODE": "***REDACTED***", "EMPTY": "***REDACTED***"}
    assert (plugins[0]["command"], plugins[0]["args"]) == (["/bin/checker"], ["-v"])
