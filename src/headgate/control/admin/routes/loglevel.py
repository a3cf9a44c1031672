"""``/api/v1/get_loglevel`` and ``/api/v1/update_loglevel``: the levels of the log files, while everything runs."""

import json

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, error_response, json_response, text_response
from headgate.control.admin.view import AdminView
from headgate.observe.log import LEVELS


@admin_handler("/api/v1/get_loglevel")
async def get_loglevel(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON: path of each log file -> its level."""
    return json_response(view.levels())


@admin_handler("/api/v1/update_loglevel", methods=("POST",))
async def update_loglevel(request: AdminRequest, view: AdminView) -> AdminResponse:
    """Body ``{"log_path": "...", "log_level": "DEBUG"}``; ``update logger success``, or 400 for anything that does not fit."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return error_response("update logger failed: the body is not JSON", 400)
    path, level = (body.get("log_path"), body.get("log_level")) if isinstance(body, dict) else (None, None)
    if not isinstance(path, str) or not isinstance(level, str):
        return error_response('update logger failed: expected {"log_path": "...", "log_level": "..."}', 400)
    if level not in LEVELS:
        return error_response(f"update logger failed: unknown level {level!r}; known: {', '.join(LEVELS)}", 400)
    if not await view.set_level(path, level):
        return error_response(f"update logger failed: no log file {path!r}; known: {', '.join(view.levels()) or 'none'}", 400)
    return text_response("update logger success\n")
