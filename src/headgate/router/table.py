"""The routing table of one router configuration.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.api.registry import ExtensionScope
from headgate.api.stream import Stream
from headgate.config.models import RedirectConfig, RouteConfig, RouteMatchConfig, RouterConfig, VirtualHostConfig
from headgate.router.domains import DomainTable
from headgate.router.header_rules import HeaderRules, build_header_rules
from headgate.router.route import Route
from headgate.router.route_builder import Level, build_route
from headgate.router.virtual_host import VirtualHost

_TO_TLS: Final = RouteConfig(match=RouteMatchConfig(prefix="/"), redirect=RedirectConfig(scheme_redirect="https"))
"""The route of plain text in a virtual host that requires TLS: 301, as in Envoy."""


class RouterTable:
    """Finds the route of each request. Never changed after it was made: a new configuration makes a new one.

    :param config: the router's configuration
    :param path: where it stands, for messages: ``servers[0].routers[1]``
    :param scope: the extensions of the configuration at hand
    :raises ConfigRejected: with everything that is wrong with it

    :ivar name: the ``router_config_name``
    :ivar virtual_hosts: in the configuration's order
    """

    def __init__(self, config: RouterConfig, path: str, scope: ExtensionScope | None = None) -> None:
        self.name: str = config.router_config_name
        self.virtual_hosts: list[VirtualHost] = []
        self._domains: DomainTable = DomainTable()
        findings: list[ConfigError] = []
        request_rules = build_header_rules(
            config.request_headers_to_add, config.request_headers_to_remove, path, "request", findings, scope
        )
        response_rules = build_header_rules(
            config.response_headers_to_add, config.response_headers_to_remove, path, "response", findings, scope
        )
        for i, virtual_host in enumerate(config.virtual_hosts):
            self._add(virtual_host, f"{path}.virtual_hosts[{i}]", request_rules, response_rules, findings, scope)
        if findings:
            raise ConfigRejected(findings)
        self._default: VirtualHost | None = self._domains.default if self._domains.only_default else None

    def _add(
        self,
        config: VirtualHostConfig,
        path: str,
        request_rules: HeaderRules | None,
        response_rules: HeaderRules | None,
        findings: list[ConfigError],
        scope: ExtensionScope | None,
    ) -> None:
        own_request = build_header_rules(config.request_headers_to_add, config.request_headers_to_remove, path, "request", findings, scope)
        own_response = build_header_rules(
            config.response_headers_to_add, config.response_headers_to_remove, path, "response", findings, scope
        )
        level = Level(
            config.name,
            config.per_filter_config,
            [rules for rules in (own_request, request_rules) if rules is not None],
            [rules for rules in (own_response, response_rules) if rules is not None],
        )
        routes = [build_route(route, f"{path}.routers[{i}]", i, level, findings, scope) for i, route in enumerate(config.routers)]
        tls_only = build_route(_TO_TLS, f"{path}.require_tls", 0, level, findings) if config.require_tls.upper() == "ALL" else None
        virtual_host = VirtualHost(config.name, routes, tls_only)
        self.virtual_hosts.append(virtual_host)
        if not config.domains:
            findings.append(ConfigError(f"{path}.domains", "a virtual host without domains gets no request", "'*' stands for any host"))
        for i, domain in enumerate(config.domains):
            try:
                self._domains.add(domain, virtual_host, f"{path}.domains[{i}]")
            except ConfigError as error:
                findings.append(error)

    def match(self, stream: Stream) -> Route | None:
        """The route that takes the request: the first that matches of the virtual host with the most specific domain; None if no domain
        or no route does. Other virtual hosts are not tried.

        :raises SubjectTooLong: if a regular expression would have to look at a value that is too long for it
        """
        virtual_host = self._default
        if virtual_host is None:
            virtual_host = self._domains.find(stream.request.authority)
            if virtual_host is None:
                return None
        return virtual_host.match(stream)

    def routes(self) -> list[Route]:
        """All routes, in the configuration's order."""
        return [route for virtual_host in self.virtual_hosts for route in virtual_host.routes]
