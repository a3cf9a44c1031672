"""The command line beside the configuration file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.api.errors import ConfigRejected
from headgate.config.addresses import SocketAddress
from headgate.config.wire import from_wire
from headgate.server.config_handover import read_config
from headgate.server.deployment import Deployment, StartSettings, admin_address, listen_specs, load_config, worker_count
from headgate.server.sockets import SocketSet

Make = Callable[..., dict[str, object]]


def test_the_command_line_wins(config_file: Path) -> None:
    config = load_config(StartSettings(config_file, workers=3, log_level="DEBUG", extensions=("some.module", "/a/b.py"))).config
    assert worker_count(config) == 3
    assert config.servers[0].default_log_level == "DEBUG"
    assert config.extensions == ["some.module", "/a/b.py"]


def test_what_the_command_line_says_reaches_the_workers(config_file: Path) -> None:
    """The wire form holds what was set only, and these keys were not in the file."""
    config = load_config(StartSettings(config_file, workers=3, log_level="DEBUG", extensions=("/a/b.py",))).config
    deployment = Deployment(1, config, SocketSet({}))
    received = from_wire(read_config(os.dup(deployment.config_fd)))
    deployment.close()
    assert received.servers[0].processor == 3
    assert received.servers[0].default_log_level == "DEBUG"
    assert received.extensions == ["/a/b.py"]


def test_workers_by_default_one_for_each_core(config_file: Path) -> None:
    assert worker_count(load_config(StartSettings(config_file)).config) == len(os.sched_getaffinity(0))


def test_a_log_that_cannot_be_written(tmp_path: Path, configuration: Make) -> None:
    config = configuration()
    servers = config["servers"]
    assert isinstance(servers, list)
    servers[0]["default_log_path"] = "missing/headgate.log"
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(ConfigRejected, match=r"servers\[0\]\.default_log_path: .*missing"):
        load_config(StartSettings(path))


@pytest.mark.parametrize(
    ("address", "network", "expected"),
    [
        ("127.0.0.1:80", "tcp", SocketAddress("127.0.0.1", 80, "")),
        (":80", "tcp", SocketAddress("", 80, "")),
        ("[::1]:80", "tcp", SocketAddress("::1", 80, "")),
        ("/run/a.sock", "unix", SocketAddress("", 0, "/run/a.sock")),
    ],
)
def test_listen_specs(tmp_path: Path, configuration: Make, address: str, network: str, expected: SocketAddress) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(configuration(listener={"address": address, "network": network})))
    (spec,) = listen_specs(load_config(StartSettings(path)).config)
    assert (spec.name, spec.address, spec.config_path) == ("listener", expected, "servers[0].listeners[0].address")


def test_a_listener_without_bind_port_has_no_socket(tmp_path: Path, configuration: Make) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(configuration(listener={"bind_port": False})))
    assert listen_specs(load_config(StartSettings(path)).config) == []


def test_no_admin_server() -> None:
    assert admin_address(None) is None
