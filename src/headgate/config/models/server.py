"""The server: logs, workers, listeners, routers."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from headgate.config.models.base import ConfigModel, Duration, WorkerCount
from headgate.config.models.listener import ListenerConfig
from headgate.config.models.router import RouterConfig


class ServerConfig(ConfigModel):
    """The one entry of `servers`."""

    own_keys: ClassVar[frozenset[str]] = frozenset({"log_format"})

    mosn_server_name: str = Field(default="", description="A label.")
    default_log_path: str = Field(default="stdout", description="File of the log, or `stdout` or `stderr`.")
    default_log_level: str = Field(default="INFO", description="FATAL, ERROR, WARN, INFO, DEBUG or TRACE.")
    log_format: Literal["console", "json"] = Field(default="console", description="Form of the log lines.")
    global_log_roller: str = Field(default="", description="When log files are rolled.")
    use_netpoll_mode: bool = Field(default=False, description="Poll connections in MOSN's own event loop.")
    graceful_timeout: Duration = Field(default=30.0, description="Longest wait for requests under way when stopping.")
    processor: WorkerCount = Field(default=0, description="Number of workers; 0 or `auto`: one for each core.")
    listeners: list[ListenerConfig] = Field(default_factory=list, description="Listeners.")
    routers: list[RouterConfig] = Field(default_factory=list, description="Routing tables.")
