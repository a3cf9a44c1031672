from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.api.errors import ConfigRejected, NotSupportedYet
from headgate.config import examine_file, load, parse

Change = Callable[[str, object], dict[str, Any]]


def _write(folder: Path, mapping: object) -> Path:
    path = folder / "headgate.json"
    path.write_text(json.dumps(mapping))
    return path


def test_load(base: dict[str, Any], tmp_path: Path) -> None:
    path = _write(tmp_path, base)
    loaded = load(path)
    assert loaded.config.servers[0].listeners[0].name == "l"
    assert loaded.warnings == ()
    assert loaded.source_path == path
    assert load(str(path)).config == parse(base, base=tmp_path).config


def test_a_file_that_holds_no_mapping_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path, [])
    assert [error.render() for error in examine_file(path).errors] == [f"{path}: a configuration is a mapping of keys to values"]


def test_load_from_the_current_directory(base: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, base | {"pid": "run/headgate.pid"})
    monkeypatch.chdir(tmp_path)
    loaded = load("headgate.json")
    assert loaded.source_path == tmp_path / "headgate.json"
    assert loaded.config.pid == f"{tmp_path}/run/headgate.pid"


def test_a_link_is_taken_where_it_lies(base: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "seen").mkdir()
    _write(tmp_path / "real", base | {"pid": "headgate.pid"})
    os.symlink(tmp_path / "real" / "headgate.json", tmp_path / "seen" / "headgate.json")
    assert load(tmp_path / "seen" / "headgate.json").config.pid == f"{tmp_path}/seen/headgate.pid"


def test_rejected_with_every_error(change: Change, tmp_path: Path) -> None:
    change("servers[0].listeners[0].use_original_dst", "tproxy")
    path = _write(tmp_path, change("servers[0].listeners[0].adress", "x"))
    with pytest.raises(ConfigRejected) as caught:
        load(path)
    assert [type(error) is NotSupportedYet for error in caught.value.errors] == [False, True]
    assert str(caught.value) == (
        "servers[0].listeners[0].adress: unknown key (did you mean 'address'?)\n"
        "not supported yet: servers[0].listeners[0].use_original_dst (transparent proxying)"
    )
    with pytest.raises(ConfigRejected) as caught:
        load(path, lenient=True)
    assert len(caught.value.errors) == 1


def test_unreadable_files_are_rejected_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("servers:\n\t- a\n")
    with pytest.raises(ConfigRejected) as caught:
        load(path)
    assert str(caught.value) == f"{path}: line 2: a tab indents this line, which YAML does not allow (indent with spaces)"
    found = examine_file(tmp_path / "missing.json")
    assert found.config is None
    assert [error.render() for error in found.errors] == [f"{tmp_path}/missing.json: no such file or directory"]


def test_relative_paths_and_defaults_are_filled_in(base: dict[str, Any], tmp_path: Path) -> None:
    listener = base["servers"][0]["listeners"][0]
    listener |= {
        "name": "",
        "network": "unix",
        "address": "run/a.sock",
        "access_logs": [{}, {"log_path": "logs/a.log"}, {"log_path": "stderr"}],
    }
    base["servers"][0]["default_log_path"] = "logs/h.log"
    base["cluster_manager"]["clusters"][0]["hosts"] = [{"address": "unix:run/b.sock"}]
    base |= {"pid": "h.pid", "control_socket": "run/c.sock"}
    config = parse(base, base=tmp_path).config
    server = config.servers[0]
    assert server.listeners[0].address == f"{tmp_path}/run/a.sock"
    assert server.listeners[0].name == "run/a.sock"
    assert [log.log_path for log in server.listeners[0].access_logs] == ["stdout", f"{tmp_path}/logs/a.log", "stderr"]
    assert server.default_log_path == f"{tmp_path}/logs/h.log"
    assert config.cluster_manager.clusters[0].hosts[0].address == f"unix:{tmp_path}/run/b.sock"
    assert config.pid == f"{tmp_path}/h.pid"
    assert config.control_socket == f"{tmp_path}/run/c.sock"


def test_defaults(base: dict[str, Any]) -> None:
    del base["servers"][0]["default_log_path"]
    config = parse(base).config
    server = config.servers[0]
    assert server.default_log_path == "stdout"
    assert server.graceful_timeout == 30.0
    assert server.listeners[0].connection_idle_timeout == 90.0
    assert server.routers[0].virtual_hosts[0].routers[0].route is not None
    assert server.routers[0].virtual_hosts[0].routers[0].route.timeout == 60.0
    cluster = config.cluster_manager.clusters[0]
    assert (cluster.type, cluster.lb_type, cluster.max_request_per_conn) == ("SIMPLE", "LB_ROUNDROBIN", 1024)
    assert (cluster.connect_timeout, cluster.idle_timeout, cluster.hosts[0].weight) == (10.0, 60.0, 1)
    assert (config.watchdog.warn_after, config.watchdog.kill_after) == (0.5, 10.0)


def test_a_timeout_of_nothing_is_the_default(change: Change) -> None:
    config = parse(change("servers[0].routers[0].virtual_hosts[0].routers[0].route.timeout", "0s")).config
    route = config.servers[0].routers[0].virtual_hosts[0].routers[0].route
    assert route is not None
    assert route.timeout == 60.0


def test_the_given_mapping_is_not_changed(base: dict[str, Any]) -> None:
    before = json.dumps(base)
    parse(base)
    assert json.dumps(base) == before
