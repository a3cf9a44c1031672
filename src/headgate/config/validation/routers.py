"""Checks of routers, virtual hosts and routes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from headgate.config.findings import Findings, NameHints, join, shown
from headgate.config.models import (
    FreeMapping,
    RouteConfig,
    RouteMatchConfig,
    RouterConfig,
    VariableMatchConfig,
    VirtualHostConfig,
)
from headgate.config.validation.actions import ActionValidator
from headgate.config.validation.domains import validate_domains
from headgate.config.validation.texts import (
    check_header_matches,
    check_headers_to_add,
    check_headers_to_remove,
    check_regex,
    check_unique,
)

_KINDS: Final = ("prefix", "path", "regex", "variables", "dsl_expressions")
"""Ways to match, of which MOSN uses the first that is given."""


_Filters = tuple[Collection[str], NameHints]


class RouterValidator:
    """Checks the routers of one server.

    :param clusters: names of all clusters
    :param filters: for each router that is used, the stream filters that its requests go through
    """

    def __init__(self, clusters: Collection[str], filters: Mapping[str, Collection[str]], findings: Findings) -> None:
        self._filters = {router: (names, NameHints(names)) for router, names in filters.items()}
        self._findings = findings
        self._actions = ActionValidator(clusters, findings)

    def validate(self, routers: Sequence[RouterConfig], path: str) -> None:
        """Check all routers.

        :param path: path of the list
        """
        check_unique([router.router_config_name for router in routers], path, "router_config_name", "router", self._findings)
        for i, router in enumerate(routers):
            item = f"{path}[{i}]"
            _header_lists(router, item, self._findings)
            validate_domains(router.virtual_hosts, f"{item}.virtual_hosts", self._findings)
            filters = self._filters.get(router.router_config_name)
            for j, host in enumerate(router.virtual_hosts):
                self._virtual_host(host, filters, f"{item}.virtual_hosts[{j}]")

    def _virtual_host(self, host: VirtualHostConfig, filters: _Filters | None, path: str) -> None:
        _header_lists(host, path, self._findings)
        self._per_filter_config(host.per_filter_config, filters, path)
        for i, route in enumerate(host.routers):
            self._route(route, filters, f"{path}.routers[{i}]")

    def _route(self, route: RouteConfig, filters: _Filters | None, path: str) -> None:
        if route.per_filter_config:
            self._per_filter_config(route.per_filter_config, filters, path)
        self._match(route.match, path)
        given = [key for key in ("route", "redirect", "direct_response") if getattr(route, key) is not None]
        if len(given) != 1:
            keys = "'route', 'redirect', 'direct_response'"
            self._findings.error(path, f"needs one of {keys}, has {' and '.join(given) or 'none'}")
        if route.route is not None:
            self._actions.forward(route.route, f"{path}.route")
        if route.redirect is not None:
            self._actions.redirect(route.redirect, f"{path}.redirect")
        if route.direct_response is not None:
            self._actions.direct_response(route.direct_response, f"{path}.direct_response")

    def _match(self, match: RouteMatchConfig, path: str) -> None:
        kinds = [kind for kind in _KINDS if kind in match.model_fields_set and getattr(match, kind)]
        if len(kinds) > 1:
            self._findings.error(
                f"{path}.match", f"has {' and '.join(kinds)}", f"MOSN would use {kinds[0]!r} alone; make it a route of its own"
            )
        for kind in ("prefix", "path"):
            if kind in kinds and not getattr(match, kind).startswith(("/", "*")):
                value = shown(getattr(match, kind))
                self._findings.error(f"{path}.match.{kind}", f"does not begin with '/': {value}", "no request would match")
        if match.regex:
            check_regex(match.regex, f"{path}.match.regex", self._findings)
        if match.headers:
            check_header_matches(match.headers, f"{path}.match.headers", self._findings)
        for i, variable in enumerate(match.variables):
            self._variable(variable, f"{path}.match.variables[{i}]")

    def _variable(self, variable: VariableMatchConfig, path: str) -> None:
        if variable.regex:
            check_regex(variable.regex, f"{path}.regex", self._findings)
            if variable.value:
                self._findings.error(f"{path}.regex", "given beside 'value'", "only one of them can be")
        elif not variable.value:
            self._findings.error(path, "needs 'value' or 'regex'")
        if variable.model.lower() not in ("", "and", "or"):
            self._findings.error(f"{path}.model", f"expected 'and' or 'or', got {shown(variable.model)}")

    def _per_filter_config(self, configs: Mapping[str, FreeMapping], filters: _Filters | None, path: str) -> None:
        """A name that no filter has would leave requests unchecked that the author meant to be checked."""
        if filters is None:
            return  # no proxy uses this router
        names, hints = filters
        for name in configs:
            if name not in names:
                message = f"no listener of this router has a stream filter {shown(name)}"
                self._findings.error(join(path, "per_filter_config", name), message, hints.hint(name))


def _header_lists(holder: RouterConfig | VirtualHostConfig, path: str, findings: Findings) -> None:
    check_headers_to_add(holder.request_headers_to_add, f"{path}.request_headers_to_add", findings)
    check_headers_to_remove(holder.request_headers_to_remove, f"{path}.request_headers_to_remove", findings)
    check_headers_to_add(holder.response_headers_to_add, f"{path}.response_headers_to_add", findings)
    check_headers_to_remove(holder.response_headers_to_remove, f"{path}.response_headers_to_remove", findings)
