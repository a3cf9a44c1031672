"""Finding the first route that matches, among very many, without trying each.

Routes with a prefix or a path stand in dictionaries by that text. A path is looked up once, and once cut to each length that a prefix
of this virtual host has: some dozens of look-ups, however many routes there are. Of what is found the one that comes first in the
configuration wins, so the order means what it means without the index. Routes of other kinds are tried one by one, as far as
they come before what was found.

Measured with 10,000 prefix routes of two lengths in one virtual host, the last one matching: 1.2 us interpreted and 0.4 us compiled,
against 1,500 us and 1,000 us for trying each. With four routes it already takes half of the time.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.stream import Stream
from headgate.router.matchers import PATH, PREFIX
from headgate.router.route import Route

WORTHWHILE: Final = 4
"""Fewer routes are tried one by one."""


class RouteIndex:
    """An index over the routes of one virtual host, in their order."""

    def __init__(self, routes: list[Route]) -> None:
        # By path or prefix the first route with it, which leads to the next: a list for each would be ten thousand lists of one.
        self._paths: dict[str, Route] = {}
        self._prefixes: dict[str, Route] = {}
        self._others: list[Route] = [route for route in routes if route.matcher.kind not in (PATH, PREFIX)]
        for route in reversed(routes):
            matcher = route.matcher
            if matcher.kind == PATH:
                route.next_alike = self._paths.get(matcher.text)
                self._paths[matcher.text] = route
            elif matcher.kind == PREFIX:
                route.next_alike = self._prefixes.get(matcher.text)
                self._prefixes[matcher.text] = route
        self.lengths: list[int] = sorted({len(prefix) for prefix in self._prefixes})
        """The lengths of all prefixes, in characters."""

    def first(self, path: str, stream: Stream) -> Route | None:
        """The first route that takes the request.

        :param path: the request's decoded path
        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        best: Route | None = None
        found = self._paths.get(path.lower())
        if found is not None:
            best = self._first_of(found, best, stream)
        size = len(path)
        prefixes = self._prefixes
        for length in self.lengths:
            if length > size:
                break
            found = prefixes.get(path[:length])
            if found is not None:
                best = self._first_of(found, best, stream)
        for route in self._others:
            if best is not None and best.order < route.order:
                break
            if route.matcher.matches(path, stream):
                return route
        return best

    def _first_of(self, first: Route, best: Route | None, stream: Stream) -> Route | None:
        """The first of those alike, whose path fits, if it comes before what is best so far."""
        route: Route | None = first
        while route is not None:
            if best is not None and best.order < route.order:
                return best
            matcher = route.matcher
            if not matcher.conditional or matcher.conditions_hold(stream):
                return route
            route = route.next_alike
        return best
