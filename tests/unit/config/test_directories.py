"""Directories in place of lists: ``router_configs`` and ``clusters_configs``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.config import examine, parse

Lines = Callable[..., list[str]]


@pytest.fixture
def folder(base: dict[str, Any], tmp_path: Path) -> Path:
    """The configuration's virtual hosts and clusters, moved to directories."""
    router = base["servers"][0]["routers"][0]
    _write(tmp_path / "hosts", "b.json", router.pop("virtual_hosts")[0])
    _write(tmp_path / "hosts", "a.yaml", {"Name": "first", "domains": ["a"], "routers": [{"direct_response": {"status": 200}}]})
    router["router_configs"] = "hosts"
    _write(tmp_path / "clusters", "c.json", base["cluster_manager"].pop("clusters")[0])
    base["cluster_manager"]["clusters_configs"] = str(tmp_path / "clusters")
    return tmp_path


def _write(folder: Path, name: str, content: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def test_files_stand_for_entries_in_the_order_of_their_names(base: dict[str, Any], folder: Path) -> None:
    loaded = parse(base, base=folder)
    router = loaded.config.servers[0].routers[0]
    assert [host.domains for host in router.virtual_hosts] == [["a"], ["*"]]
    assert router.router_configs == ""
    assert [cluster.name for cluster in loaded.config.cluster_manager.clusters] == ["c"]
    assert loaded.warnings == ()


def test_errors_name_the_file(base: dict[str, Any], folder: Path, errors: Lines) -> None:
    _write(folder / "hosts", "c.json", {"domains": ["a"], "routers": [{"route": {"cluster_name": "d", "timeout": 5}}], "x": 1})
    _write(folder / "clusters", "d.json", {"name": "d", "health_check": {"service_name": "d"}, "hosts": [{"address": "1.2.3.4"}]})
    host = "servers[0].routers[0].virtual_hosts[2]"
    file = f"in {folder}/hosts/c.json"
    assert errors(base, base=folder) == [
        f"{host}.x: unknown key ({file})",
        f'{host}.routers[0].route.timeout: a duration needs a unit: 5 (write "5s" for seconds or "5ms" for milliseconds; {file})',
        f"not supported yet: cluster_manager.clusters[1].health_check (in {folder}/clusters/d.json)",
        "cluster_manager.clusters[1].hosts[0].address: not an address: '1.2.3.4' "
        f"(write it like 127.0.0.1:8080; the port is missing; in {folder}/clusters/d.json)",
        f"{host}.domains[0]: domain 'a' stands twice in this router "
        f"(the other is servers[0].routers[0].virtual_hosts[0].domains[0]; {file})",
    ]


def test_unreadable_files(base: dict[str, Any], folder: Path, errors: Lines) -> None:
    (folder / "hosts" / "c.json").write_text("{")
    (folder / "hosts" / "d.json").write_text("[]")
    (folder / "hosts" / "e.json").mkdir()
    found = errors(base, base=folder)
    assert len(found) == 3
    assert found[0].startswith(f"servers[0].routers[0].router_configs: {folder}/hosts/c.json: line 1, column 2: ")
    assert found[1] == f"servers[0].routers[0].router_configs: {folder}/hosts/e.json: is a directory (name a file in it)"
    assert found[2] == f"servers[0].routers[0].virtual_hosts[2]: expected a mapping, got a list (in {folder}/hosts/d.json)"


def test_other_files_are_passed_over_with_a_warning(base: dict[str, Any], folder: Path) -> None:
    (folder / "hosts" / "README.txt").touch()
    (folder / "hosts" / ".hidden").touch()
    found = examine(base, base=folder)
    assert found.errors == ()
    assert [warning.render() for warning in found.warnings] == [
        f"servers[0].routers[0].router_configs: {folder}/hosts/README.txt is passed over (only .json, .yaml and .yml files are read)"
    ]


def test_missing_directory(base: dict[str, Any], folder: Path, errors: Lines) -> None:
    base["cluster_manager"]["clusters_configs"] = "nope"
    assert errors(base, base=folder)[0] == (
        f"cluster_manager.clusters_configs: {folder}/nope: no such file or directory (it is a directory with one file for each entry)"
    )


def test_directory_beside_the_list_it_stands_for(base: dict[str, Any], folder: Path, errors: Lines) -> None:
    base["cluster_manager"]["clusters"] = [{"name": "c", "hosts": [{"address": "10.0.0.1:80"}]}]
    assert errors(base, base=folder) == ["cluster_manager.clusters_configs: given beside 'clusters' (only one of them can be)"]


def test_a_directory_that_is_no_text(base: dict[str, Any], folder: Path, errors: Lines) -> None:
    base["cluster_manager"]["clusters_configs"] = 5
    assert errors(base, base=folder)[0] == "cluster_manager.clusters_configs: expected text, got the number 5 (put it in quotes)"
