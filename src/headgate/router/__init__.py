"""Virtual hosts, matches and what routes do."""

from headgate.router.errors import RewriteError, RoutingError, SubjectTooLong
from headgate.router.route import DIRECT, REDIRECT, ROUTE, Route
from headgate.router.table import RouterTable

__all__ = ["DIRECT", "REDIRECT", "ROUTE", "RewriteError", "Route", "RouterTable", "RoutingError", "SubjectTooLong"]
