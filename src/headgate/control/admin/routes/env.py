"""``/api/v1/env``: environment variables of the supervisor, but none that looks like a secret."""

import os

from headgate.control.admin.handler import AdminRequest, AdminResponse, admin_handler, error_response, json_response
from headgate.control.admin.secret_variables import secret_variable
from headgate.control.admin.view import AdminView


@admin_handler("/api/v1/env")
async def env(request: AdminRequest, view: AdminView) -> AdminResponse:
    """JSON: ``env`` name -> value, ``not_found`` names, and ``refused`` names of variables that look like secrets. ``key=`` may be
    repeated; without one 400. What looks like a secret by its name is refused whether it exists or not."""
    keys = request.query.get("key")
    if keys is None:
        return error_response("no env key", 400)
    found: dict[str, str] = {}
    not_found: list[str] = []
    refused: list[str] = []
    for key in keys:
        value = os.environ.get(key)
        if secret_variable(key, value):
            refused.append(key)
        elif value is None:
            not_found.append(key)
        else:
            found[key] = value
    body: dict[str, object] = {"env": found}
    if not_found:
        body["not_found"] = not_found
    if refused:
        body["refused"] = refused
    return json_response(body, indent=1)
