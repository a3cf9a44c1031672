"""``/api/v1/config_dump``: the configuration in force, whole or in part, without its secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headgate.config.models import HeadgateConfig
from headgate.config.redaction import hide_environments, redacted
from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, error_response, json_response, text_response
from headgate.control.admin.view import AdminView

Section = dict[str, object]


def mosn_config(config: HeadgateConfig) -> Section:
    """The configuration without what has a section of its own: listeners, routers, clusters, extends."""
    section: Section = config.model_dump(
        mode="json",
        by_alias=True,
        exclude={"extends": True, "servers": {"__all__": {"listeners", "routers"}}, "cluster_manager": {"clusters"}},
    )
    hide_environments(section)
    return section


def listeners(config: HeadgateConfig) -> Section:
    """Listeners by name."""
    found = [listener for server in config.servers for listener in server.listeners]
    return {listener.name or listener.address: listener.model_dump(mode="json", by_alias=True) for listener in found}


def routers(config: HeadgateConfig) -> Section:
    """Routers by name."""
    found = [router for server in config.servers for router in server.routers]
    return {router.router_config_name: router.model_dump(mode="json", by_alias=True) for router in found}


def clusters(config: HeadgateConfig) -> Section:
    """Clusters by name."""
    return {cluster.name: cluster.model_dump(mode="json", by_alias=True) for cluster in config.cluster_manager.clusters}


def whole(config: HeadgateConfig) -> Section:
    """All sections."""
    return {
        "mosn_config": mosn_config(config),
        "listener": listeners(config),
        "cluster": clusters(config),
        "routers": routers(config),
        "extends": [extend.model_dump(mode="json", by_alias=True) for extend in config.extends],
    }


_SECTIONS: Final[dict[str, Callable[[HeadgateConfig], Section]]] = {
    "mosnconfig": mosn_config,
    "allrouters": routers,
    "allclusters": clusters,
    "alllisteners": listeners,
}
_ENTRIES: Final[dict[str, Callable[[HeadgateConfig], Section]]] = {"router": routers, "cluster": clusters, "listener": listeners}


@admin_handler("/api/v1/config_dump")
async def config_dump(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON; without a parameter everything, with one of ``mosnconfig``, ``allrouters``, ``allclusters``, ``alllisteners``,
    ``router=N``, ``cluster=N``, ``listener=N`` that part. More than one: 400; an unknown parameter or name: 500, as in MOSN."""
    if len(request.query) > 1:
        return text_response("only support one parameter", 400)
    config = view.config_dump()
    if not request.query:
        return json_response(redacted(whole(config)), indent=1)
    parameter, values = next(iter(request.query.items()))
    if parameter in _SECTIONS:
        return json_response(redacted(_SECTIONS[parameter](config)), indent=1)
    if parameter not in _ENTRIES:
        return error_response(f"unknown parameter {parameter!r}; known: {', '.join([*_SECTIONS, *_ENTRIES])}", 500)
    section = _ENTRIES[parameter](config)
    if values[0] not in section:
        return error_response(f"no {parameter} {values[0]!r}; known: {', '.join(section) or 'none'}", 500)
    return json_response(redacted(section[values[0]]), indent=1)
