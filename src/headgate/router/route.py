"""One route: what it takes and what it does.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.stream import RouteInfo, Stream
from headgate.observe.variables import VariableReader
from headgate.router.direct_response import DirectResponse
from headgate.router.header_rules import HeaderRules, apply_levels, replace_line
from headgate.router.matchers import RouteMatcher
from headgate.router.redirect import Redirect
from headgate.router.retry import RetryPolicy
from headgate.router.rewrite import PathRewrite
from headgate.router.weighted_clusters import WeightedClusters

ROUTE: Final = 0
"""Forward to a cluster."""
REDIRECT: Final = 1
"""Answer with a redirect."""
DIRECT: Final = 2
"""Answer at once."""
DEFAULT_TIMEOUT: Final = 60.0
"""Seconds (MOSN)."""
_NO_BODY: Final = b""


class Route:
    """One route of a virtual host, made by ``route_builder.build_route``.

    :ivar info: what filters see of it; ``cluster_name`` is empty where the cluster is drawn or named by a variable
    :ivar config_path: where it stands in the configuration
    :ivar order: position in its virtual host
    :ivar matcher: which requests it takes
    :ivar next_alike: the next route of the virtual host with the same path or prefix (:mod:`headgate.router.route_index`)
    :ivar kind: ``ROUTE``, ``REDIRECT`` or ``DIRECT``
    :ivar timeout: seconds for the whole response
    :ivar retry: None: without a policy
    :ivar per_filter_config: filter's type or name -> configuration, the virtual host's merged in
    :ivar filter_configs: filled by the engine: id of a filter entry -> parsed configuration
    :ivar changes_request: :meth:`finalize_request` has something to do
    :ivar changes_response: :meth:`finalize_response` has something to do
    """

    def __init__(self, info: RouteInfo, config_path: str, order: int, matcher: RouteMatcher) -> None:
        self.info: RouteInfo = info
        self.config_path: str = config_path
        self.order: int = order
        self.matcher: RouteMatcher = matcher
        self.next_alike: Route | None = None
        self.kind: int = ROUTE
        self.timeout: float = DEFAULT_TIMEOUT
        self.retry: RetryPolicy | None = None
        self.weighted_clusters: WeightedClusters | None = None
        self.cluster_variable: VariableReader | None = None
        self.redirect: Redirect | None = None
        self.direct_response: DirectResponse | None = None
        self.path_rewrite: PathRewrite | None = None
        self.host_line: bytes = b""
        self.request_rules: list[HeaderRules] = []
        self.response_rules: list[HeaderRules] = []
        self.per_filter_config: dict[str, dict[str, object]] = {}
        self.filter_configs: dict[int, object] = {}
        self.changes_request: bool = False
        self.changes_response: bool = False

    def seal(self) -> None:
        """Note what there is to do, once everything is set."""
        self.changes_request = bool(self.request_rules or self.host_line) or self.path_rewrite is not None
        self.changes_response = bool(self.response_rules)

    def pick_cluster(self, stream: Stream) -> str:
        """The cluster that this request goes to; an empty string if the variable that names it is missing."""
        if self.weighted_clusters is not None:
            return self.weighted_clusters.pick()
        if self.cluster_variable is not None:
            return self.cluster_variable.read(stream) or ""
        return self.info.cluster_name

    def finalize_request(self, stream: Stream) -> None:
        """Change the request as the route wants it upstream: header rules of route, virtual host and router, then host, then path (MOSN's
        order, so that the rules' variables see what the client asked for). To be called once for each stream.

        :raises RewriteError: if the result may not stand in a request
        """
        if not self.changes_request:
            return
        request = stream.request
        if self.request_rules:
            apply_levels(self.request_rules, request.headers, stream)
        if self.host_line:
            replace_line(request.headers, "host", self.host_line)
        if self.path_rewrite is not None:
            self.path_rewrite.apply(request)

    def finalize_response(self, stream: Stream) -> None:
        """Apply the header rules for responses of route, virtual host and router, whoever made the response.

        :raises RewriteError: if a variable holds what may not stand in a header; all other rules have been applied nevertheless
        """
        if not self.changes_response:
            return
        response = stream.response
        if response is not None:
            apply_levels(self.response_rules, response.headers, stream)

    def redirect_location(self, stream: Stream) -> str:
        """Where a ``REDIRECT`` leads; an empty string for other kinds."""
        return "" if self.redirect is None else self.redirect.location(stream)

    @property
    def redirect_code(self) -> int:
        """Status code of a ``REDIRECT``; 0 for other kinds."""
        return 0 if self.redirect is None else self.redirect.code

    @property
    def direct_status(self) -> int:
        """Status code of a ``DIRECT``; 0 for other kinds."""
        return 0 if self.direct_response is None else self.direct_response.status

    @property
    def direct_body(self) -> bytes:
        """Body of a ``DIRECT``; empty for other kinds."""
        return _NO_BODY if self.direct_response is None else self.direct_response.body
