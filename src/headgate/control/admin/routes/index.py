"""``/`` and every path that has no handler: the list of those that have one."""

from typing import Final

from headgate.control.admin.handler import ANY_METHOD, AdminRequest, AdminResponse, admin_handler, text_response
from headgate.control.admin.view import AdminView

INDEX: Final = "/"


@admin_handler(INDEX, methods=ANY_METHOD)
async def index(request: AdminRequest, view: AdminView) -> AdminResponse:
    """``supported APIs:`` and one path a line."""
    return text_response("\n".join(["supported APIs:", *[path for path in request.paths if path != INDEX], ""]))
