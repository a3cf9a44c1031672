"""``/healthz`` and ``/readyz``: for whoever restarts the proxy, and for whoever sends it traffic."""

from headgate.control.admin.handler import ANY_METHOD, AdminRequest, AdminResponse, admin_handler, text_response
from headgate.control.admin.view import AdminView


@admin_handler("/healthz", methods=ANY_METHOD)
async def healthz(request: AdminRequest, view: AdminView) -> AdminResponse:
    """Always 200: the supervisor lives, and it restarts its workers itself."""
    return text_response("ok\n")


@admin_handler("/readyz", methods=ANY_METHOD)
async def readyz(request: AdminRequest, view: AdminView) -> AdminResponse:
    """200 while traffic is accepted; 503 before the first worker serves and once a stop is under way."""
    return text_response("ready\n") if view.ready() else text_response("not ready\n", 503)
