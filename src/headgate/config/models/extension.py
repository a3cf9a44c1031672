"""Foreign code that a configuration brings along, in MOSN's terms."""

from __future__ import annotations

from pydantic import Field

from headgate.config.models.base import ConfigModel, FreeMapping


class ExtendEntryConfig(ConfigModel):
    """One entry of `extends`: a section for a registered parser, such as `tunnel_agent`."""

    type: str = Field(default="", description="Name of the parser.")
    config: FreeMapping = Field(default_factory=dict, description="Its own configuration.")


class PluginConfig(ConfigModel):
    """Plugins that run as processes of their own."""

    log_base: str = Field(default="", description="Directory of their logs.")


class CodecConfig(ConfigModel):
    """One protocol codec that is loaded from outside."""

    enable: bool = Field(default=False, description="Whether it is loaded.")
    type: str = Field(default="", description="`go-plugin` or `wasm`.")
    path: str = Field(default="", description="Path of the shared object.")
    loader_func_name: str = Field(default="", description="Exported loader; empty: `LoadCodec`.")
    config: FreeMapping = Field(default_factory=dict, description="Its own configuration.")


class ThirdPartCodecConfig(ConfigModel):
    """Protocol codecs that are loaded from outside."""

    codecs: list[CodecConfig] = Field(default_factory=list, description="The codecs.")


class WasmVmConfig(ConfigModel):
    """A WASM module and its engine."""

    engine: str = Field(default="", description="Engine.")
    path: str = Field(default="", description="Path of the module.")
    url: str = Field(default="", description="Where it is fetched from.")
    md5: str = Field(default="", description="Checksum of the module.")
    cpu: int = Field(default=0, description="No effect, as in MOSN.")
    mem: int = Field(default=0, description="No effect, as in MOSN.")


class WasmPluginConfig(ConfigModel):
    """A WASM module that several filters share."""

    plugin_name: str = Field(default="", description="Its name.")
    vm_config: WasmVmConfig | None = Field(default=None, description="Module and engine.")
    instance_num: int = Field(default=0, description="Number of instances.")
