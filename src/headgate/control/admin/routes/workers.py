"""``/api/v1/workers``: the worker processes (Headgate's own path)."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, json_response
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/workers")
async def workers(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON: one object for each worker."""
    return json_response(view.workers(), indent=1)
