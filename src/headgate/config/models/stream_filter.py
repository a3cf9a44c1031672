"""Stream filter entries of a listener."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from headgate.config.models.base import ByteSize, ConfigModel, Duration, FreeMapping, UInt32
from headgate.config.models.matchers import HeaderMatchConfig


class GoPluginConfig(ConfigModel):
    """MOSN's way of naming a filter that is loaded from a file."""

    so_path: str = Field(
        default="", description="Path of a shared object over `headgate_filter.h`, or of a Python file; Go plugins cannot be loaded."
    )
    factory_method: str = Field(default="", description="Creator that a Python file exports; empty: `create_filter_factory`.")


class StreamFilterMatchConfig(ConfigModel):
    """Which requests an entry's filter sees: every condition that is given must hold. Others never enter the filter."""

    path_prefix: str = Field(default="", description="The path begins with this.")
    path: str = Field(default="", description="The path is this.")
    methods: list[str] = Field(default_factory=list, description="The method is one of these.")
    headers: list[HeaderMatchConfig] = Field(default_factory=list, description="Each of these header conditions holds.")


class QuarantineConfig(ConfigModel):
    """When a failing filter is set aside, and for how long."""

    max_failures: UInt32 = Field(default=0, description="Failures within `window` that set the filter aside. 0: never.")
    window: Duration = Field(default=10.0, description="Time over which failures are counted.")
    backoff: Duration = Field(default=30.0, description="How long it stays set aside; `deny` answers 503 meanwhile, `allow` skips it.")


class CanaryConfig(ConfigModel):
    """A second version of a filter, and the share of the requests that it takes. What is not given is as in the entry."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"percent"})

    percent: float = Field(default=0.0, description="Share of the entry's requests, 0 to 100.")
    type: str = Field(default="", description="As in the entry; with another, `path` and `factory` are not taken from there.")
    config: FreeMapping | None = Field(default=None, description="As in the entry, and in its place as a whole.")
    isolation: Literal["inline", "process"] | None = Field(default=None, description="As in the entry.")
    path: str = Field(default="", description="As in the entry.")
    factory: str = Field(default="", description="As in the entry.")

    @property
    def registered_type(self) -> str:
        """The name to look up."""
        return self.type

    @property
    def file(self) -> str:
        """The file that the filter is loaded from; empty if it is not."""
        return self.path

    @property
    def export(self) -> str:
        """What to take from that file; empty: the default."""
        return self.factory

    @property
    def options(self) -> FreeMapping:
        """The filter's own configuration."""
        return self.config or {}


class StreamFilterConfig(ConfigModel):
    """One stream filter of a listener."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"type"})
    own_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "name",
            "match",
            "on_error",
            "timeout",
            "max_body",
            "quarantine",
            "isolation",
            "canary",
            "path",
            "factory",
        }
    )

    type: str = Field(default="", description="Name under which the filter is registered.")
    name: str = Field(default="", description="Name in metrics and logs, unique in the listener; empty: the type.")
    config: FreeMapping = Field(default_factory=dict, description="The filter's own configuration.")
    go_plugin_config: GoPluginConfig | None = Field(default=None, description="MOSN's way of naming a filter's file; `type` is free then.")
    match: StreamFilterMatchConfig | None = Field(default=None, description="Which requests the filter sees; without it all.")
    on_error: Literal["deny", "allow"] = Field(
        default="deny", description="What a failure means: `deny` answers 5xx, `allow` skips the filter."
    )
    timeout: Duration = Field(default=5.0, description="Longest run of an asynchronous handler; past it the filter has failed.")
    max_body: ByteSize = Field(
        default=1048576, description="Largest body that is buffered for it; past it 413 on requests, 502 on responses."
    )
    quarantine: QuarantineConfig = Field(default_factory=QuarantineConfig, description="When a failing filter is set aside.")
    isolation: Literal["inline", "process"] = Field(default="inline", description="Where a Python filter runs.")
    canary: CanaryConfig | None = Field(default=None, description="A second version that takes a share of the requests.")
    path: str = Field(
        default="",
        description="File that the filter is loaded from: of a `module`, `native`, `lua` or `wasm` filter.",
    )
    factory: str = Field(default="", description="Creator exported by that file; empty: `create_filter_factory`.")

    @property
    def registered_type(self) -> str:
        """The name to look up: `type`, or what the file of `go_plugin_config` asks for."""
        if self.go_plugin_config is None or not self.go_plugin_config.so_path:
            return self.type
        return "module" if self.go_plugin_config.so_path.endswith(".py") else "native"

    @property
    def file(self) -> str:
        """The file that the filter is loaded from; empty if it is not."""
        return self.path or (self.go_plugin_config.so_path if self.go_plugin_config is not None else "")

    @property
    def export(self) -> str:
        """What to take from that file; empty: the default."""
        return self.factory or (self.go_plugin_config.factory_method if self.go_plugin_config is not None else "")

    @property
    def options(self) -> FreeMapping:
        """The filter's own configuration."""
        return self.config

    @property
    def versions(self) -> list[StreamFilterConfig | CanaryConfig]:
        """The entry, and its canary if it has one."""
        return [self] if self.canary is None else [self, self.canary]
