"""From a route's configuration to its :class:`Route`."""

from __future__ import annotations

from headgate.api.errors import ConfigError
from headgate.api.registry import ExtensionScope
from headgate.api.stream import RouteInfo
from headgate.config.models import RouteActionConfig, RouteConfig
from headgate.observe.variables import VariableReader
from headgate.router.direct_response import build_direct_response
from headgate.router.filter_config import merge_filter_configs
from headgate.router.header_rules import HeaderRules, build_header_rules
from headgate.router.match_builder import build_matcher
from headgate.router.matchers import PATH, PREFIX, RouteMatcher
from headgate.router.redirect import build_redirect
from headgate.router.retry import build_retry_policy
from headgate.router.rewrite import PathRewrite, build_host_rewrite, build_prefix_rewrite, build_regex_rewrite
from headgate.router.route import DEFAULT_TIMEOUT, DIRECT, REDIRECT, Route
from headgate.router.weighted_clusters import build_weighted_clusters


class Level:
    """What a virtual host and its router give to each of their routes.

    :ivar virtual_host: its name
    :ivar per_filter_config: the virtual host's
    :ivar request_rules: of virtual host and router, in this order
    :ivar response_rules: likewise
    """

    def __init__(
        self,
        virtual_host: str,
        per_filter_config: dict[str, dict[str, object]],
        request_rules: list[HeaderRules],
        response_rules: list[HeaderRules],
    ) -> None:
        self.virtual_host = virtual_host
        self.per_filter_config = per_filter_config
        self.request_rules = request_rules
        self.response_rules = response_rules


def build_route(
    config: RouteConfig, path: str, order: int, level: Level, findings: list[ConfigError], scope: ExtensionScope | None = None
) -> Route:
    """Make a route.

    :param path: where it stands
    :param order: its position in the virtual host
    :param findings: errors are added here; with any the route is of no use
    :param scope: the extensions of the configuration at hand
    """
    matcher = build_matcher(config.match, f"{path}.match", findings, scope)
    cluster = "" if config.route is None else config.route.cluster_name
    route = Route(RouteInfo(config.name, level.virtual_host, cluster, config.metadata), path, order, matcher)
    route.per_filter_config = merge_filter_configs(level.per_filter_config, config.per_filter_config)
    route.request_rules = level.request_rules
    route.response_rules = level.response_rules
    actions = [name for name in ("route", "redirect", "direct_response") if getattr(config, name) is not None]
    if len(actions) != 1:
        given = " and ".join(actions) or "none"
        findings.append(ConfigError(path, "a route has exactly one of 'route', 'redirect' and 'direct_response'", f"given: {given}"))
    try:
        if config.route is not None:
            _forward(route, config.route, matcher, f"{path}.route", findings, scope)
        if config.redirect is not None:
            route.kind = REDIRECT
            route.redirect = build_redirect(config.redirect, f"{path}.redirect")
        if config.direct_response is not None:
            route.kind = DIRECT
            route.direct_response = build_direct_response(config.direct_response, f"{path}.direct_response")
    except ConfigError as error:
        findings.append(error)
    route.seal()
    return route


def _forward(
    route: Route, config: RouteActionConfig, matcher: RouteMatcher, path: str, findings: list[ConfigError], scope: ExtensionScope | None
) -> None:
    _target(route, config, path, findings, scope)
    route.timeout = config.timeout or DEFAULT_TIMEOUT
    if config.retry_policy is not None:
        route.retry = build_retry_policy(config.retry_policy, f"{path}.retry_policy")
    if config.host_rewrite:
        route.host_line = build_host_rewrite(config.host_rewrite, f"{path}.host_rewrite")
    route.path_rewrite = _path_rewrite(config, matcher, path)
    own = build_header_rules(config.request_headers_to_add, config.request_headers_to_remove, path, "request", findings, scope)
    if own is not None:
        route.request_rules = [own, *route.request_rules]
    own = build_header_rules(config.response_headers_to_add, config.response_headers_to_remove, path, "response", findings, scope)
    if own is not None:
        route.response_rules = [own, *route.response_rules]


def _target(route: Route, config: RouteActionConfig, path: str, findings: list[ConfigError], scope: ExtensionScope | None) -> None:
    targets = [name for name in ("cluster_name", "cluster_variable", "weighted_clusters") if getattr(config, name)]
    if len(targets) != 1:
        given = " and ".join(targets) or "none"
        message = "a route leads to exactly one of 'cluster_name', 'cluster_variable' and 'weighted_clusters'"
        findings.append(ConfigError(path, message, f"given: {given}"))
    elif config.weighted_clusters:
        route.weighted_clusters = build_weighted_clusters(config.weighted_clusters, f"{path}.weighted_clusters")
    elif config.cluster_variable:
        route.cluster_variable = VariableReader(config.cluster_variable, scope)


def _path_rewrite(config: RouteActionConfig, matcher: RouteMatcher, path: str) -> PathRewrite | None:
    if config.prefix_rewrite:
        if matcher.kind not in (PREFIX, PATH):
            hint = "match by 'prefix' or 'path', or use 'regex_rewrite'"
            raise ConfigError(f"{path}.prefix_rewrite", "there is no matched prefix to rewrite", hint)
        prefix = matcher.text if matcher.kind == PREFIX else None
        return build_prefix_rewrite(config.prefix_rewrite, prefix, f"{path}.prefix_rewrite")
    if config.regex_rewrite is not None and config.regex_rewrite.pattern.regex:
        return build_regex_rewrite(config.regex_rewrite, f"{path}.regex_rewrite")
    return None
