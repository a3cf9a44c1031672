"""``/api/v1/stats``: all statistics in MOSN's shape."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, json_response, text_response
from headgate.control.admin.view import AdminView
from headgate.observe.aggregate import with_totals
from headgate.observe.mosn_stats import find_group, mosn_stats


@admin_handler("/api/v1/stats")
async def stats(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON: type -> ``label.value`` -> metric -> string. With ``key=<type>.<label>.<value>`` only that group."""
    if len(request.query) > 1:
        return text_response("only support one parameter", 400)
    groups = with_totals(await view.stats())
    if not request.query:
        return json_response(mosn_stats(groups), indent="\t")
    key = request.query.get("key", [""])[0]
    found = find_group(groups, key)
    if found is None:
        return text_response(f"no metrics key: {key}")
    return json_response(mosn_stats([found]), indent="\t")
