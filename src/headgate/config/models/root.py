"""The configuration as a whole."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ConfigModel, FreeMapping
from headgate.config.models.cluster import ClusterManagerConfig
from headgate.config.models.extension import ExtendEntryConfig, PluginConfig, ProcessPluginConfig, ThirdPartCodecConfig, WasmPluginConfig
from headgate.config.models.observability import AdminConfig, MetricsConfig, PprofConfig, TracingConfig, WatchdogConfig
from headgate.config.models.server import ServerConfig


class HeadgateConfig(ConfigModel):
    """A whole configuration: MOSN's schema and Headgate's additions."""

    own_keys: ClassVar[frozenset[str]] = frozenset({"extensions", "watchdog", "control_socket", "plugins"})
    key_aliases: ClassVar[dict[str, str]] = {"close_graceful": "disable_upgrade"}

    servers: list[ServerConfig] = Field(default_factory=list, description="Exactly one server.")
    cluster_manager: ClusterManagerConfig = Field(default_factory=ClusterManagerConfig, description="Clusters.")
    extensions: list[str] = Field(
        default_factory=list, description="Python extensions to load: modules by dotted name, files and folders by path (`./auth.py`)."
    )
    plugins: list[ProcessPluginConfig] = Field(default_factory=list, description="Plugins that run as processes of their own.")
    watchdog: WatchdogConfig = Field(default_factory=WatchdogConfig, description="What happens to blocked workers.")
    control_socket: str = Field(
        default="", description="Unix socket of `headgate stop`, `reload` and `status`; empty: in the run directory."
    )
    admin: AdminConfig | None = Field(default=None, description="The admin server.")
    metrics: MetricsConfig | None = Field(default=None, description="Metrics.")
    tracing: TracingConfig | None = Field(default=None, description="Tracing.")
    pprof: PprofConfig | None = Field(default=None, description="MOSN's profiling server.")
    pid: str = Field(default="", description="File that holds the supervisor's process id.")
    uds_dir: str = Field(default="", description="Directory of the sockets for a hot upgrade.")
    disable_upgrade: bool = Field(default=False, description="No hot upgrade (older name: `close_graceful`).")
    inherit_old_mosnconfig: bool = Field(default=False, description="Take over the running configuration at a hot upgrade.")
    extends: list[ExtendEntryConfig] = Field(default_factory=list, description="Sections for registered parsers.")
    plugin: PluginConfig | None = Field(default=None, description="MOSN's setting for plugins that run as processes of their own.")
    third_part_codec: ThirdPartCodecConfig | None = Field(default=None, description="Protocol codecs that are loaded from outside.")
    wasm_global_plugins: list[WasmPluginConfig] = Field(default_factory=list, description="WASM modules that several filters share.")
    dynamic_resources: FreeMapping | None = Field(default=None, description="Resources from a control plane (Envoy bootstrap).")
    static_resources: FreeMapping | None = Field(default=None, description="Static resources (Envoy bootstrap).")
    node: FreeMapping | None = Field(default=None, description="Identity towards a control plane (Envoy bootstrap).")
    layered_runtime: FreeMapping | None = Field(default=None, description="Runtime layers (Envoy bootstrap).")
    overload_manager: FreeMapping | None = Field(default=None, description="Overload actions (Envoy bootstrap).")
    bootstrap_extensions: list[FreeMapping] | None = Field(default=None, description="Extensions (Envoy bootstrap).")
    hds_config: FreeMapping | None = Field(default=None, description="Health discovery (Envoy bootstrap).")
    stats_config: FreeMapping | None = Field(default=None, description="Statistics (Envoy bootstrap).")
    stats_sinks: list[FreeMapping] | None = Field(default=None, description="Sinks of statistics (Envoy bootstrap).")
    stats_flush_interval: str | None = Field(default=None, description="Interval of statistics sinks (Envoy bootstrap).")
    flags_path: str | None = Field(default=None, description="Flags (Envoy bootstrap).")
