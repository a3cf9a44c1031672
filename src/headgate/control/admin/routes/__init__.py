"""The paths that ship with Headgate, one file per concern. Importing this package registers them."""

from typing import Final

from headgate.control.admin.routes import (
    config_dump,
    env,
    features,
    health,
    index,
    log_switch,
    loglevel,
    metrics,
    plugin,
    plugins,
    states,
    stats,
    stats_glob,
    version,
    workers,
)

INDEX: Final = index.INDEX
"""The path whose handler answers for every path that has none."""

__all__ = [
    "INDEX",
    "config_dump",
    "env",
    "features",
    "health",
    "index",
    "log_switch",
    "loglevel",
    "metrics",
    "plugin",
    "plugins",
    "states",
    "stats",
    "stats_glob",
    "version",
    "workers",
]
