"""``/api/v1/enable_log`` and ``/api/v1/disable_log``: log files, off and on again."""

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, error_response, text_response
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/enable_log", methods=("POST",))
async def enable_log(request: AdminRequest, view: AdminView) -> AdminResponse:
    """Body: the path of a log file; ``enable logger success``, or 400 if there is none."""
    return await _switch(request, view, enabled=True)


@admin_handler("/api/v1/disable_log", methods=("POST",))
async def disable_log(request: AdminRequest, view: AdminView) -> AdminResponse:
    """Body: the path of a log file; ``disable logger success``, or 400 if there is none."""
    return await _switch(request, view, enabled=False)


async def _switch(request: AdminRequest, view: AdminView, enabled: bool) -> AdminResponse:
    verb = "enable" if enabled else "disable"
    path = request.body.decode("utf-8", "surrogateescape").rstrip("\r\n")
    if not path:
        return error_response(f"{verb} logger failed: the body is the path of a log file", 400)
    if not await view.set_log_enabled(path, enabled):
        return error_response(f"{verb} logger failed: no log file {path!r}", 400)
    return text_response(f"{verb} logger success\n")
