"""``/api/v1/stats_glob``: the sum over all listeners as plain lines."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, text_response
from headgate.control.admin.view import AdminView
from headgate.observe.aggregate import GLOBAL_PROXY, with_totals
from headgate.observe.mosn_stats import find_group, mosn_values


@admin_handler("/api/v1/stats_glob")
async def stats_glob(request: AdminRequest, view: AdminView) -> AdminResponse:
    """``key:value`` lines of ``downstream.proxy.global``; empty before the first listener."""
    group = find_group(with_totals(await view.stats()), f"downstream.proxy.{GLOBAL_PROXY}")
    return text_response("".join(f"{key}:{value}\n" for key, value in mosn_values(group).items()) if group is not None else "")
