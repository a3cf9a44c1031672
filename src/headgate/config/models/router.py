"""Routers: virtual hosts and their routes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ConfigModel, FreeMapping
from headgate.config.models.matchers import HeaderMatchConfig
from headgate.config.models.route_action import (
    DirectResponseConfig,
    HeaderValueOption,
    MirrorPolicyConfig,
    RedirectConfig,
    RouteActionConfig,
)


class VariableMatchConfig(ConfigModel):
    """A condition on one variable of the stream."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(default="", description="Name of the variable.")
    value: str = Field(default="", description="What it must be.")
    regex: str = Field(default="", description="Regular expression that must be found in it, in place of `value`.")
    model: str = Field(default="", description="How it joins with the next condition: `and` (default) or `or`.")


class DslExpressionConfig(ConfigModel):
    """A condition in MOSN's expression language."""

    expression: str = Field(default="", description="The expression.")


class RouteMatchConfig(ConfigModel):
    """Which requests a route takes: one of prefix, path, regex, variables, and headers beside it. Empty: every request."""

    prefix: str = Field(default="", description="The path begins with this (case-sensitive).")
    path: str = Field(default="", description="The path is this (in any case).")
    regex: str = Field(default="", description="Regular expression that must be found in the path.")
    headers: list[HeaderMatchConfig] = Field(default_factory=list, description="Each of these header conditions holds.")
    variables: list[VariableMatchConfig] = Field(default_factory=list, description="Conditions on variables.")
    dsl_expressions: list[DslExpressionConfig] = Field(default_factory=list, description="Conditions in MOSN's expression language.")


class RouteConfig(ConfigModel):
    """One route: a match, and one of `route`, `redirect` and `direct_response`."""

    own_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(default="", description="Name in logs (`%route_name%`).")
    match: RouteMatchConfig = Field(default_factory=RouteMatchConfig, description="Which requests it takes; without it all.")
    route: RouteActionConfig | None = Field(default=None, description="Forward to a cluster.")
    redirect: RedirectConfig | None = Field(default=None, description="Answer with a redirect.")
    direct_response: DirectResponseConfig | None = Field(default=None, description="Answer at once.")
    metadata: FreeMapping = Field(default_factory=dict, description="Metadata, readable by filters.")
    per_filter_config: dict[str, FreeMapping] = Field(
        default_factory=dict, description="Configuration of stream filters on this route, by the filter's type or name."
    )
    request_mirror_policies: MirrorPolicyConfig | None = Field(default=None, description="Copy requests to another cluster.")


class VirtualHostConfig(ConfigModel):
    """Domains and their routes, tried in order; the first match wins."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"domains"})

    name: str = Field(default="", description="Name in logs.")
    domains: list[str] = Field(
        default_factory=list, description="`host:port`, `host`, `*.suffix`, or `*`; the most specific domain of the router wins."
    )
    routers: list[RouteConfig] = Field(default_factory=list, description="Routes, in order.")
    require_tls: str = Field(default="", description="`ALL`: requests in plain text are redirected to https (301). `NONE`: they are not.")
    request_headers_to_add: list[HeaderValueOption] = Field(default_factory=list, description="Headers added to requests.")
    request_headers_to_remove: list[str] = Field(default_factory=list, description="Headers removed from requests.")
    response_headers_to_add: list[HeaderValueOption] = Field(default_factory=list, description="Headers added to responses.")
    response_headers_to_remove: list[str] = Field(default_factory=list, description="Headers removed from responses.")
    per_filter_config: dict[str, FreeMapping] = Field(
        default_factory=dict, description="Configuration of stream filters on this virtual host, by the filter's type or name."
    )


class RouterConfig(ConfigModel):
    """A routing table, named by the `proxy` filters that use it."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"router_config_name"})

    router_config_name: str = Field(default="", description="Unique name.")
    virtual_hosts: list[VirtualHostConfig] = Field(default_factory=list, description="Virtual hosts; either this or `router_configs`.")
    router_configs: str = Field(default="", description="Directory with one file for each virtual host.")
    request_headers_to_add: list[HeaderValueOption] = Field(default_factory=list, description="Headers added to requests.")
    request_headers_to_remove: list[str] = Field(default_factory=list, description="Headers removed from requests.")
    response_headers_to_add: list[HeaderValueOption] = Field(default_factory=list, description="Headers added to responses.")
    response_headers_to_remove: list[str] = Field(default_factory=list, description="Headers removed from responses.")
