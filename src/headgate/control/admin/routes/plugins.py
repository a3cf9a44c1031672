"""``/api/v1/plugins``: the plugins that run as processes of their own (Headgate's own path)."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, json_response
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/plugins")
async def plugins(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON: one object for each plugin: its state, its processes, how often they were restarted and why, calls in flight."""
    in_flight: dict[str, int] = {}
    for group in await view.stats():
        if group["type"] == "plugin" and "in_flight" in group["gauges"]:
            name = group["labels"]["plugin"]
            in_flight[name] = in_flight.get(name, 0) + group["gauges"]["in_flight"]
    return json_response([{**plugin, "in_flight": in_flight.get(str(plugin.get("name")), 0)} for plugin in view.plugins()], indent=1)
