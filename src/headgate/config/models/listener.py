"""Listeners and their filter chains."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from headgate.config.models.base import ConfigModel, ConfigsByType, Duration, FreeMapping, OriginalDestination, UInt32
from headgate.config.models.proxy import ProxyConfig
from headgate.config.models.stream_filter import StreamFilterConfig
from headgate.config.models.tls import TlsContextConfig


class AccessLogConfig(ConfigModel):
    """One access log of a listener."""

    log_path: str = Field(default="", description="File, or `stdout` or `stderr`; empty: `stdout`.")
    log_format: str = Field(default="", description="Format with `%variables%`; empty: MOSN's default format.")


class ListenerFilterConfig(ConfigModel):
    """One listener filter: looks at a connection before its first byte is read."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"type"})

    type: str = Field(default="", description="Name under which the filter is registered.")
    config: FreeMapping = Field(default_factory=dict, description="The filter's own configuration.")


class NetworkFilterConfig(ConfigModel):
    """One network filter of a chain."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"type"})
    typed_configs: ClassVar[ConfigsByType] = {"proxy": ProxyConfig}

    type: str = Field(default="", description="Name under which the filter is registered, such as `proxy`.")
    config: FreeMapping = Field(default_factory=dict, description="The filter's own configuration.")


class FilterChainConfig(ConfigModel):
    """TLS and network filters of a listener's connections."""

    match: str = Field(default="", description="A text.")
    tls_context: TlsContextConfig | None = Field(default=None, description="TLS towards the client; either this or `tls_context_set`.")
    tls_context_set: list[TlsContextConfig] = Field(default_factory=list, description="Several TLS contexts, chosen by SNI and ALPN.")
    filters: list[NetworkFilterConfig] = Field(default_factory=list, description="Network filters, in order.")


class ListenerConfig(ConfigModel):
    """One listening address and what happens to its connections."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"address"})
    own_keys: ClassVar[frozenset[str]] = frozenset({"max_connections"})

    name: str = Field(default="", description="Unique name; empty: the text of the address.")
    type: Literal["", "ingress", "egress"] = Field(default="", description="A label: `ingress` or `egress`.")
    address: str = Field(default="", description="`ip:port`, `[ipv6]:port`, `:port` (every address), or the path of a unix socket.")
    bind_port: bool = Field(default=False, description="Open a socket. Without it nothing reaches the listener.")
    network: Literal["tcp", "udp", "unix"] = Field(default="tcp", description="`tcp`, `unix` or `udp`.")
    reuseport: bool = Field(default=False, description="No effect: each worker has a socket of its own (SO_REUSEPORT).")
    use_original_dst: OriginalDestination = Field(default="", description="Find the original destination: `tproxy` or `redirect`.")
    access_logs: list[AccessLogConfig] = Field(default_factory=list, description="Access logs.")
    listener_filters: list[ListenerFilterConfig] = Field(default_factory=list, description="Listener filters, in order.")
    filter_chains: list[FilterChainConfig] = Field(default_factory=list, description="Exactly one filter chain.")
    stream_filters: list[StreamFilterConfig] = Field(default_factory=list, description="Stream filters, in order.")
    inspector: bool = Field(default=False, description="Tell TLS from plain text by the first byte.")
    connection_idle_timeout: Duration = Field(default=90.0, description="Close connections that were idle this long.")
    default_read_buffer_size: int = Field(default=0, description="Bytes of a read buffer.")
    max_connections: UInt32 = Field(default=0, description="Open connections of each worker; past it new ones are closed. 0: no limit.")
    log_path: str = Field(default="", description="File of the listener's log; an old key.")
