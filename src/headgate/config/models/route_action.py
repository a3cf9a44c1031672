"""What a route does with a request: forward, redirect, answer; and how headers and path change on the way."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ConfigModel, Duration, FreeMapping, UInt32


class HeaderValueConfig(ConfigModel):
    """Name and value of a header."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"key"})

    key: str = Field(default="", description="Name.")
    value: str = Field(default="", description="Value; may contain one `%variable%`.")


class HeaderValueOption(ConfigModel):
    """A header to add."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"header"})

    header: HeaderValueConfig = Field(default_factory=HeaderValueConfig, description="The header.")
    append: bool = Field(default=True, description="Keep present values and append to them; `false` replaces them.")


class WeightedClusterTarget(ConfigModel):
    """One of several clusters of a route."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(default="", description="Name of the cluster.")
    weight: UInt32 = Field(default=0, description="Share of the requests, relative to the others' weights.")
    metadata_match: FreeMapping | None = Field(default=None, description="Subset of the cluster's hosts.")


class WeightedClusterConfig(ConfigModel):
    """Wrapper of one weighted cluster, as MOSN writes it."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"cluster"})

    cluster: WeightedClusterTarget = Field(default_factory=WeightedClusterTarget, description="The cluster and its weight.")


class RetryPolicyConfig(ConfigModel):
    """When and how often a request is tried again."""

    retry_on: bool = Field(default=False, description="Retry on bad status codes and resets, not only on failed connections.")
    retry_timeout: Duration = Field(default=0.0, description="Time for each try. 0s: only the route's `timeout` counts.")
    num_retries: UInt32 = Field(default=0, description="Number of retries.")
    status_codes: list[int] = Field(default_factory=list, description="Status codes that are retried; empty: 500 and above.")


class GoogleRe2Config(ConfigModel):
    """Engine setting of a regular expression, from Envoy."""

    max_program_size: UInt32 = Field(default=0, description="No effect.")


class RegexPatternConfig(ConfigModel):
    """A regular expression, wrapped as Envoy writes it."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"regex"})

    regex: str = Field(default="", description="The regular expression.")
    google_re2: GoogleRe2Config | None = Field(default=None, description="No effect: engine setting.")


class RegexRewriteConfig(ConfigModel):
    """Rewrite of the path by a regular expression."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"pattern"})

    pattern: RegexPatternConfig = Field(default_factory=RegexPatternConfig, description="What is replaced.")
    substitution: str = Field(default="", description="What replaces it; groups as `\\1`.")


class HashHeaderConfig(ConfigModel):
    """Hash by a header."""

    key: str = Field(default="", description="Name of the header.")


class HashCookieConfig(ConfigModel):
    """Hash by a cookie, which is set if the client has none."""

    name: str = Field(default="", description="Name of the cookie.")
    path: str = Field(default="", description="Its path.")
    ttl: Duration = Field(default=0.0, description="Its time to live.")


class HashPolicyConfig(ConfigModel):
    """What consistent hashing hashes."""

    header: HashHeaderConfig | None = Field(default=None, description="A header.")
    cookie: HashCookieConfig | None = Field(default=None, description="A cookie.")
    source_ip: FreeMapping | None = Field(default=None, description="The client's address.")


class RouteActionConfig(ConfigModel):
    """Forward to a cluster: one of `cluster_name`, `cluster_variable`, `weighted_clusters`."""

    cluster_name: str = Field(default="", description="The cluster.")
    cluster_variable: str = Field(default="", description="Variable of the stream that holds the cluster's name.")
    weighted_clusters: list[WeightedClusterConfig] = Field(default_factory=list, description="Several clusters by weight.")
    cluster_header: str = Field(default="", description="Header that holds the cluster's name.")
    upstream_protocol: str = Field(default="", description="Protocol towards the cluster; empty: as downstream.")
    hash_policy: list[HashPolicyConfig] = Field(default_factory=list, description="What consistent hashing hashes.")
    metadata_match: FreeMapping | None = Field(default=None, description="Subset of the cluster's hosts.")
    timeout: Duration = Field(default=60.0, description="Time for the whole response, retries included; past it 504. 0s: 60s.")
    retry_policy: RetryPolicyConfig | None = Field(default=None, description="When a request is tried again.")
    prefix_rewrite: str = Field(default="", description="Replaces the matched prefix or path.")
    regex_rewrite: RegexRewriteConfig | None = Field(default=None, description="Rewrites the path; `prefix_rewrite` wins over it.")
    host_rewrite: str = Field(default="", description="Replaces the authority (Host).")
    auto_host_rewrite: bool = Field(default=False, description="Take the authority from the chosen host's name.")
    auto_host_rewrite_header: str = Field(default="", description="Take the authority from this header.")
    request_headers_to_add: list[HeaderValueOption] = Field(default_factory=list, description="Headers added to requests.")
    request_headers_to_remove: list[str] = Field(default_factory=list, description="Headers removed from requests.")
    response_headers_to_add: list[HeaderValueOption] = Field(default_factory=list, description="Headers added to responses.")
    response_headers_to_remove: list[str] = Field(default_factory=list, description="Headers removed from responses.")


class RedirectConfig(ConfigModel):
    """Answer with a redirect; parts that are not given stay as they are, and the query is kept."""

    response_code: int = Field(default=301, description="301, 302, 303, 307 or 308.")
    path_redirect: str = Field(default="", description="The new path.")
    host_redirect: str = Field(default="", description="The new host.")
    scheme_redirect: str = Field(default="", description="The new scheme: http or https.")


class DirectResponseConfig(ConfigModel):
    """Answer at once, without an upstream."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"status"})

    status: int = Field(default=0, description="Status code, 200 to 599.")
    body: str = Field(default="", description="Body of the answer.")


class MirrorPolicyConfig(ConfigModel):
    """Copy requests to another cluster."""

    cluster: str = Field(default="", description="The cluster that gets the copies.")
    percent: UInt32 = Field(default=0, description="Share of the requests, in percent.")
    trace_sampled: bool = Field(default=False, description="Whether copies are traced.")
