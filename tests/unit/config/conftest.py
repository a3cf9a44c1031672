"""A small configuration that is valid, to be changed by each test, and what loading says about the changed one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headgate.config import examine


@pytest.fixture
def base() -> dict[str, Any]:
    """One listener, one router, one cluster."""
    return {
        "servers": [
            {
                "default_log_path": "stdout",
                "routers": [
                    {
                        "router_config_name": "r",
                        "virtual_hosts": [
                            {"domains": ["*"], "routers": [{"match": {"prefix": "/"}, "route": {"cluster_name": "c"}}]},
                        ],
                    }
                ],
                "listeners": [
                    {
                        "name": "l",
                        "address": "127.0.0.1:2046",
                        "bind_port": True,
                        "filter_chains": [
                            {"filters": [{"type": "proxy", "config": {"downstream_protocol": "Http1", "router_config_name": "r"}}]}
                        ],
                    }
                ],
            }
        ],
        "cluster_manager": {"clusters": [{"name": "c", "hosts": [{"address": "127.0.0.1:8080"}]}]},
    }


@pytest.fixture
def change(base: dict[str, Any]) -> Callable[[str, object], dict[str, Any]]:
    """Set a value of the configuration by its path, such as ``servers[0].listeners[0].address``; keys on the way are made."""

    def set_value(path: str, value: object) -> dict[str, Any]:
        parts = path.replace("[", ".[").split(".")
        holder: Any = base
        for part in parts[:-1]:
            holder = holder[int(part[1:-1])] if part.startswith("[") else holder.setdefault(part, {})
        last = parts[-1]
        if last.startswith("["):
            index = int(last[1:-1])
            if index == len(holder):
                holder.append(value)
            else:
                holder[index] = value
        else:
            holder[last] = value
        return base

    return set_value


@pytest.fixture
def errors() -> Callable[..., list[str]]:
    """The errors of a configuration, as lines."""

    def of(mapping: object, **options: Any) -> list[str]:
        return [error.render() for error in examine(mapping, **options).errors]

    return of


@pytest.fixture
def warnings() -> Callable[..., list[str]]:
    """The warnings of a configuration, as lines."""

    def of(mapping: object, **options: Any) -> list[str]:
        return [warning.render() for warning in examine(mapping, **options).warnings]

    return of
