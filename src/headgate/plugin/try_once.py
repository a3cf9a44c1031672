"""One request from the command line, for trying a plugin without a proxy."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Mapping

from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.plugin.service import Function


def try_once(function: Function, text: str) -> int:
    """Answer one request and print the answer.

    :param text: the request as JSON: ``header``, ``trailer``, ``body``, ``type``
    :returns: the exit code
    """
    try:
        request = _request_of(json.loads(text))
    except ValueError as error:
        sys.stderr.write(f"not a request: {error}\n")
        return 2
    result = function(request)
    response = asyncio.run(_wait(result)) if inspect.isawaitable(result) else result
    if not isinstance(response, PluginResponse):
        sys.stderr.write(f"the service returned {type(response).__name__}, not a Response\n")
        return 1
    body = response.body.decode("utf-8", "backslashreplace")
    print(json.dumps({"header": response.header, "trailer": response.trailer, "body": body, "status": response.status}, indent=2))
    return 0


async def _wait(result: object) -> object:
    return await result if inspect.isawaitable(result) else result


def _request_of(data: object) -> PluginRequest:
    if not isinstance(data, Mapping):
        raise ValueError("it is not a JSON object")
    unknown = set(data) - {"header", "trailer", "body", "type"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}")
    return PluginRequest(
        _texts(data.get("header", {})), _texts(data.get("trailer", {})), str(data.get("body", "")).encode(), str(data.get("type", ""))
    )


def _texts(data: object) -> dict[str, str]:
    if not isinstance(data, Mapping):
        raise ValueError("'header' and 'trailer' are JSON objects")
    return {str(name): str(value) for name, value in data.items()}
