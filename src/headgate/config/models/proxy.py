"""The ``config`` of the network filter ``proxy``: the L7 engine of one filter chain."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from headgate.config.models.base import ByteSize, ConfigModel, Duration, FreeMapping, UInt32


class Http1Config(ConfigModel):
    """Limits and habits of HTTP/1.1 towards the client (``extend_config.Http1``)."""

    own_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "max_header_count",
            "max_target_length",
            "header_timeout",
            "body_idle_timeout",
            "x_forwarded_for",
            "x_forwarded_proto",
            "x_request_id",
            "via",
            "x_forwarded_client_cert",
            "max_requests_per_connection",
            "write_high_watermark",
        }
    )

    max_header_size: ByteSize = Field(default=61440, description="Bytes of all header fields together; past it 431.")
    max_request_body_size: ByteSize = Field(default=0, description="Bytes of a request's body; past it 413. 0: no limit.")
    max_header_count: UInt32 = Field(default=100, description="Number of header fields; past it 431.")
    max_target_length: ByteSize = Field(default=8192, description="Bytes of the request target; past it 414.")
    header_timeout: Duration = Field(default=10.0, description="Time for a whole request head to arrive, from its first byte.")
    body_idle_timeout: Duration = Field(default=60.0, description="Longest pause between two chunks of a request's body.")
    x_forwarded_for: bool = Field(default=True, description="Append the client's address to X-Forwarded-For.")
    x_forwarded_proto: bool = Field(default=True, description="Set X-Forwarded-Proto.")
    x_request_id: bool = Field(default=True, description="Set X-Request-Id if the client sent none.")
    via: bool = Field(default=True, description="Append to Via (RFC 9110 section 7.6.3).")
    x_forwarded_client_cert: Literal["off", "set"] = Field(
        default="off",
        description="`set`: tell the host the client's certificate in X-Forwarded-Client-Cert, and drop what the client sent there.",
    )
    max_requests_per_connection: UInt32 = Field(default=0, description="Requests on one connection before it is closed. 0: no limit.")
    write_high_watermark: ByteSize = Field(default=65536, description="Bytes waiting for a slow reader before the writer is paused.")


class ExtendConfig(ConfigModel):
    """Settings for each protocol, by its name."""

    http1: Http1Config = Field(default_factory=Http1Config, validation_alias="Http1", serialization_alias="Http1", description="HTTP/1.1.")
    http2: FreeMapping | None = Field(default=None, validation_alias="Http2", serialization_alias="Http2", description="HTTP/2.")
    bolt: FreeMapping | None = Field(default=None, description="bolt.")
    boltv2: FreeMapping | None = Field(default=None, description="bolt version 2.")
    dubbo: FreeMapping | None = Field(default=None, description="Dubbo.")
    dubbo_thrift: FreeMapping | None = Field(
        default=None, validation_alias="dubbo-thrift", serialization_alias="dubbo-thrift", description="Dubbo over Thrift."
    )
    tars: FreeMapping | None = Field(default=None, description="Tars.")
    sub_protocol: str = Field(default="", description="Older form, beside `downstream_protocol: X`: the RPC protocol.")
    http2_use_stream: bool = Field(default=False, description="Older form of `Http2.http2_use_stream`.")
    enable_bolt_goaway: bool = Field(default=False, description="Older form of `bolt.enable_bolt_goaway`.")


class ProxyConfig(ConfigModel):
    """The ``config`` of the network filter ``proxy``."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"downstream_protocol", "router_config_name"})

    name: str = Field(default="", description="Label in statistics; empty: `global`.")
    downstream_protocol: str = Field(default="", description="What clients speak: `Http1`, or `Auto` (only HTTP/1.1 is detected so far).")
    upstream_protocol: str = Field(
        default="", description="Accepted and ignored, as in MOSN since 0.26: upstream speaks what downstream speaks."
    )
    router_config_name: str = Field(default="", description="The entry of `routers` that routes this filter's requests.")
    router_handler_name: str = Field(default="", description="Router handler extension; empty or `default`.")
    fallback_for_unknown_protocol: bool = Field(
        default=False, description="Hand connections of unknown protocols to the next network filter."
    )
    extend_config: ExtendConfig = Field(default_factory=ExtendConfig, description="Settings for each protocol.")
    validate_clusters: bool = Field(default=False, description="Check that the clusters of routes are there; always done.")
    concurrency_num: int = Field(default=0, description="Number of MOSN's worker goroutines.")
