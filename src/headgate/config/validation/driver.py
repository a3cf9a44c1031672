"""The order of the checks."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.config.findings import Findings
from headgate.config.models import HeadgateConfig
from headgate.config.proxies import ProxyEntry
from headgate.config.validation.clusters import validate_clusters
from headgate.config.validation.listeners import validate_listeners
from headgate.config.validation.plugins import validate_plugins
from headgate.config.validation.proxies import filters_by_router, validate_proxies
from headgate.config.validation.routers import RouterValidator
from headgate.config.validation.server import validate_server
from headgate.config.validation.tls import validate_tls


def validate(config: HeadgateConfig, proxies: Sequence[ProxyEntry], findings: Findings) -> None:
    """Add what is wrong with a configuration whose values all have the right type.

    :param proxies: the configuration's ``proxy`` network filters
    """
    validate_server(config, findings)
    validate_plugins(config.plugins, "plugins", findings)
    validate_clusters(config.cluster_manager, findings)
    clusters = {cluster.name for cluster in config.cluster_manager.clusters}
    for i, server in enumerate(config.servers):
        path = f"servers[{i}]"
        validate_listeners(server.listeners, f"{path}.listeners", findings)
        RouterValidator(clusters, filters_by_router(proxies), findings).validate(server.routers, f"{path}.routers")
    validate_tls(config, findings)
    validate_proxies(proxies, [router for server in config.servers for router in server.routers], findings)
