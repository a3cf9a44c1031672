"""A virtual host: its routes, the first match of which wins.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.stream import Stream
from headgate.router.matchers import ANY, PREFIX
from headgate.router.route import Route
from headgate.router.route_index import WORTHWHILE, RouteIndex


class VirtualHost:
    """The routes of some domains.

    :param tls_only: the route of every request that came in plain text (``require_tls``); None: plain text is as good as TLS
    :ivar name: as configured
    :ivar routes: in their order
    :ivar catch_all: the first route, if it takes every request whose path begins with ``/``
    """

    def __init__(self, name: str, routes: list[Route], tls_only: Route | None = None) -> None:
        self.name: str = name
        self.routes: list[Route] = routes
        self.catch_all: Route | None = routes[0] if routes and _takes_all(routes[0]) else None
        self._tls_only: Route | None = tls_only
        self._index: RouteIndex | None = RouteIndex(routes) if len(routes) >= WORTHWHILE else None

    def match(self, stream: Stream) -> Route | None:
        """The first route that takes the request, or None.

        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        if self._tls_only is not None and stream.connection.tls is None:
            return self._tls_only
        request = stream.request
        if self.catch_all is not None and request.target.startswith("/"):
            return self.catch_all
        path = request.decoded_path
        if self._index is not None:
            return self._index.first(path, stream)
        for route in self.routes:
            if route.matcher.matches(path, stream):
                return route
        return None


def _takes_all(route: Route) -> bool:
    matcher = route.matcher
    return not matcher.conditional and (matcher.kind == ANY or (matcher.kind == PREFIX and matcher.text == "/"))
