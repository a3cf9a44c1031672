"""Admin server, metrics, tracing, profiling."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ByteSize, ConfigModel, Duration, FreeMapping, Port


class SocketAddressConfig(ConfigModel):
    """Address and port, as Envoy writes them."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"port_value"})

    address: str = Field(default="127.0.0.1", description="IP address.")
    port_value: Port = Field(default=0, description="Port.")


class AdminAddressConfig(ConfigModel):
    """Wrapper of the address, as Envoy writes it."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"socket_address"})

    socket_address: SocketAddressConfig = Field(default_factory=SocketAddressConfig, description="The address.")


class AdminConfig(ConfigModel):
    """The admin server; without this key there is none."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"address"})

    address: AdminAddressConfig = Field(default_factory=AdminAddressConfig, description="Where it listens. It has no authentication.")
    access_log_path: str = Field(default="", description="File of the admin server's access log (Envoy).")


class SinkConfig(ConfigModel):
    """One sink of metrics."""

    type: str = Field(default="", description="Name of the sink.")
    config: FreeMapping = Field(default_factory=dict, description="Its own configuration.")


class StatsMatcherConfig(ConfigModel):
    """Metrics that are left out."""

    reject_all: bool = Field(default=False, description="Leave out all.")
    exclusion_labels: list[str] = Field(default_factory=list, description="Leave out metrics with these labels.")
    exclusion_keys: list[str] = Field(default_factory=list, description="Leave out these metrics.")


class SampleConfig(ConfigModel):
    """How MOSN samples histograms."""

    type: str = Field(default="", description="`UNIFORM` or `EXP_DECAY`.")
    size: int = Field(default=0, description="Number of samples.")
    exp_decay_alpha: float = Field(default=0.0, description="Decay of `EXP_DECAY`.")


class EwmaConfig(ConfigModel):
    """How MOSN averages times for LB_PEAK_EWMA."""

    alpha: float = Field(default=0.0, description="Weight of a new value.")
    target: float = Field(default=0.0, description="What is left of an old value.")
    duration: Duration = Field(default=0.0, description="After this time.")


class MetricsConfig(ConfigModel):
    """Metrics. Headgate serves them all at `/metrics` of the admin server."""

    sinks: list[SinkConfig] = Field(default_factory=list, description="Sinks.")
    stats_matcher: StatsMatcherConfig | None = Field(default=None, description="Metrics that are left out.")
    shm_zone: str = Field(default="", description="Shared memory that survives a hot upgrade.")
    shm_size: ByteSize = Field(default=0, description="Its size.")
    flush_mosn: bool = Field(default=False, description="Send the process's own metrics to the sinks.")
    lazy_flush: bool = Field(default=False, description="Make metrics at their first use.")
    sample: SampleConfig | None = Field(default=None, description="How histograms are sampled.")
    ewma: EwmaConfig | None = Field(default=None, description="How times are averaged.")


class TracingConfig(ConfigModel):
    """Tracing."""

    enable: bool = Field(default=False, description="Whether requests are traced.")
    driver: str = Field(default="", description="Tracing driver.")
    config: FreeMapping = Field(default_factory=dict, description="Its own configuration.")
    tracer: str = Field(default="", description="Older name of the tracer.")


class PprofConfig(ConfigModel):
    """MOSN's profiling server (Go)."""

    debug: bool = Field(default=False, description="Whether it runs.")
    port_value: Port = Field(default=9090, description="Its port.")
    endpoint: str = Field(default="0.0.0.0", description="Its address.")


class WatchdogConfig(ConfigModel):
    """What happens to a worker whose loop is blocked, such as by a filter."""

    warn_after: Duration = Field(default=0.5, description="Log where it is stuck after this long.")
    kill_after: Duration = Field(default=10.0, description="Replace the worker after this long.")
