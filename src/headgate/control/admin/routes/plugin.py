"""``/api/v1/plugin``: plugins by name, seen, switched on and off, in MOSN's words (section 4.4 of its reference)."""

from typing import Final

from headgate.control.admin.browser_guard import refusal
from headgate.control.admin.handler import ANY_METHOD, AdminRequest, AdminResponse, admin_handler, error_response, text_response
from headgate.control.admin.view import AdminView

_USAGE: Final = "usage: /api/v1/plugin?status=all, ?status=<name>, ?enable=<name> or ?disable=<name>\n"


@admin_handler("/api/v1/plugin", methods=ANY_METHOD)
async def plugin(request: AdminRequest, view: AdminView) -> AdminResponse:
    """Of several parameters the first of ``enable``, ``disable``, ``status`` counts. An unknown plugin, or no parameter: 400.

    ``enable`` and ``disable`` change something also by GET, as MOSN's clients ask for it; so every one of them is guarded like a POST.
    """
    for verb in ("enable", "disable"):
        if verb in request.query:
            reason = refusal("POST", request.headers, loopback_only=False)
            if reason is not None:
                return error_response(reason, 403)
            return await _switch(view, verb, request.query[verb][0])
    if "status" not in request.query:
        return text_response(_USAGE, 400)
    name = request.query["status"][0]
    names = view.plugin_names() if name == "all" else [name]
    lines = [_status_line(view, name) for name in names]
    if None in lines:
        return _unknown(name)
    return text_response("".join(f"{line}\n" for line in lines))


def _status_line(view: AdminView, name: str) -> str | None:
    status = view.plugin_status(name)
    if status is None:
        return None
    enabled, on = status
    return f"name:{name},enable:{str(enabled).lower()},on:{str(on).lower()}"


async def _switch(view: AdminView, verb: str, name: str) -> AdminResponse:
    if not await view.set_plugin_enabled(name, verb == "enable"):
        return _unknown(name)
    return text_response(f"{verb} {name} success\n")


def _unknown(name: str) -> AdminResponse:
    return text_response(f"plugin {name} no register\n", 400)
