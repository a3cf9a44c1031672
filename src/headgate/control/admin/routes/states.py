"""``/api/v1/states``: process id and life-cycle state."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, text_response
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/states")
async def states(request: AdminRequest, view: AdminView) -> AdminResponse:
    """``pid=<n>&state=<n>``; state 6 is running."""
    return text_response(f"pid={view.pid()}&state={view.state()}\n")
