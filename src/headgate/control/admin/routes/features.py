"""``/api/v1/features``: feature gates."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, json_response, text_response
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/features")
async def features(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON: gate -> on or off; with ``key=<gate>`` just ``true`` or ``false`` (also for one that is not known)."""
    gates = view.features()
    if not request.query:
        return json_response(gates, indent=1)
    enabled = gates.get(request.query.get("key", [""])[0], False)
    return text_response("true" if enabled else "false")
