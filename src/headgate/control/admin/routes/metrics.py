"""``/metrics``: all statistics for Prometheus."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler
from headgate.control.admin.view import AdminView
from headgate.observe.prometheus import CONTENT_TYPE, prometheus_text


@admin_handler("/metrics")
async def metrics(request: AdminRequest, view: AdminView) -> AdminResponse:
    """The text exposition format; all workers summed."""
    return AdminResponse(200, prometheus_text(await view.stats()), CONTENT_TYPE)
