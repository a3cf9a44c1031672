from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from headgate.config import examine, parse
from headgate.config.collection import collection_paused
from headgate.config.dump import normal_form
from headgate.config.reader import read_file
from headgate.config.wire import from_wire, to_wire

GOLDEN = Path(__file__).parents[2] / "golden"
CONFIGS = sorted(path for folder in ("mosn-configs", "own-configs") for path in (GOLDEN / folder).iterdir() if path.name != "NOTICE")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_round_trip(path: Path) -> None:
    config = examine(read_file(path), base="/etc/headgate").config
    assert config is not None
    arrived = from_wire(to_wire(config))
    assert arrived == config
    assert normal_form(arrived) == normal_form(config)


def _large(base: dict[str, Any]) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster_name": "c"}}
    base["servers"][0]["routers"].append(
        {
            "router_config_name": "many",
            "virtual_hosts": [{"domains": [f"h{i}"], "routers": [route] * (250 if i == 7 else 1)} for i in range(230)],
        }
    )
    base["cluster_manager"]["clusters"] += [
        {"name": f"c{i}", "hosts": [{"address": f"10.0.{k // 250}.{k % 250}:80"} for k in range(350 if i == 3 else i % 7)]}
        for i in range(300)
    ]
    return base


def test_large_lists_keep_their_order(base: dict[str, Any]) -> None:
    config = parse(_large(base)).config
    assert from_wire(to_wire(config)) == config


def test_no_line_holds_more_than_one_batch(base: dict[str, Any]) -> None:
    lines = to_wire(parse(_large(base)).config).split("\n")
    assert len(lines) > 230
    for line in lines[1:]:
        entries = json.loads(line[line.index("[") :])
        assert len(entries) <= 100
        assert sum(len(entry.get("hosts", ())) for entry in entries) <= 100


def test_text_from_elsewhere_is_refused() -> None:
    for text in ("", "{}\nnonsense", "{}\nclusters 5"):
        with pytest.raises(ValueError, match=r"."):
            from_wire(text)


def test_the_collector_is_paused_and_comes_back(base: dict[str, Any]) -> None:
    wire = to_wire(parse(base).config)
    gc.unfreeze()
    assert gc.isenabled()
    from_wire(wire)
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    with collection_paused():
        with collection_paused(freeze=True):
            assert not gc.isenabled()
        assert not gc.isenabled()
        assert gc.get_freeze_count() == 0
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
