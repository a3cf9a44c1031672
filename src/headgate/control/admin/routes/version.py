"""``/api/v1/version``: which version runs."""

from headgate.control.admin.handler import ANY_METHOD, AdminRequest, AdminResponse, admin_handler, text_response
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/version", methods=ANY_METHOD)
async def version(request: AdminRequest, view: AdminView) -> AdminResponse:
    """``mosn version: <v>``, in MOSN's words so that its clients understand it; the version is Headgate's."""
    return text_response(f"mosn version: {view.version()}")
