"""The demo as a plugin process: asked by the filter ``plugin``, which says in ``request_type`` who may pass."""

import asyncio

from headgate.plugin import Request, Response, serve


async def call(request: Request) -> Response:
    """One request of the proxy; ``X-Do`` makes it fail, or never answer."""
    header = {name.lower(): value for name, value in request.header.items()}
    do = header.get("x-do")
    if do == "fail":
        raise RuntimeError("told to fail")
    if do == "never":
        await asyncio.Event().wait()
    return Response(status=0 if header.get("user") == request.type else -1)


serve(call)
