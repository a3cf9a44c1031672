"""Foreign code that a configuration brings along, in MOSN's terms."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ByteSize, ConfigModel, Duration, FreeMapping


class ExtendEntryConfig(ConfigModel):
    """One entry of `extends`: a section for a registered parser, such as `tunnel_agent`."""

    type: str = Field(default="", description="Name of the parser.")
    config: FreeMapping = Field(default_factory=dict, description="Its own configuration.")


class PluginConfig(ConfigModel):
    """What MOSN says about plugins that run as processes of their own."""

    log_base: str = Field(
        default="", description="Directory of their logs, told to them as `MOSN_LOGBASE`; empty: `logs` beside the configuration file."
    )


class PluginRestartConfig(ConfigModel):
    """When a plugin process that ended is started again: at once, then after longer and longer pauses."""

    backoff: Duration = Field(default=0.5, description="The pause before the second restart in a row; doubled each time.")
    max_backoff: Duration = Field(default=30.0, description="The longest pause.")
    reset_after: Duration = Field(default=60.0, description="A process that lived this long begins with a clean slate.")


class PluginLimitsConfig(ConfigModel):
    """What one plugin process may use; 0: no limit."""

    memory: ByteSize = Field(
        default=0, description="Resident memory of the process and its descendants; past it the process is killed and restarted."
    )
    cpus: int = Field(default=0, ge=0, description="Number of processors that it may run on.")
    open_files: int = Field(default=0, ge=0, description="Number of open files.")


class ProcessPluginConfig(ConfigModel):
    """A plugin that runs as a process of its own."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(default="", description="Name under which filters and certificate extensions ask for it.")
    command: list[str] = Field(
        default_factory=list,
        description="Program and first arguments, without a shell; empty: the executable file of the plugin's name beside the "
        "configuration file. A relative path begins there, too; a bare name is looked up there and then on `PATH`.",
    )
    args: list[str] = Field(default_factory=list, description="Further arguments.")
    env: dict[str, str] = Field(default_factory=dict, description="More variables of its environment.")
    cwd: str = Field(default="", description="Working directory; empty: that of the configuration file.")
    processes: int = Field(default=1, ge=1, le=256, description="Number of processes, each of which takes a share of the calls.")
    max_procs: int = Field(default=1, ge=0, le=4, description="MOSN's `MaxProcs`: the value of `MOSN_PROCS`.")
    start_timeout: Duration = Field(default=60.0, description="Longest wait for the handshake line of a process.")
    stop_timeout: Duration = Field(default=2.0, description="Time from the request to shut down to the kill.")
    call_timeout: Duration = Field(default=1.0, description="Longest time of a call that names none of its own.")
    max_concurrent_calls: int = Field(default=1024, ge=1, description="Calls in flight in each worker; one more fails at once.")
    restart: PluginRestartConfig = Field(default_factory=PluginRestartConfig, description="When it is started again.")
    limits: PluginLimitsConfig = Field(default_factory=PluginLimitsConfig, description="What one process may use.")
    health_interval: Duration = Field(default=10.0, description="Time between two health checks; 0: none.")
    log: str = Field(default="INFO", description="Level at which what it writes is logged, or `off`.")


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
