"""For authors of plugins: programs of their own that a proxy calls, over the protocol of MOSN's plugins.

::

    from headgate.plugin import Request, Response, serve

    def check(request: Request) -> Response:
        return Response(status=0 if request.header.get("User") == "admin" else -1)

    if __name__ == "__main__":
        serve(check)

The proxy starts the program; see docs/plugins/python.md. Names of header fields arrive as the caller writes them: in their canonical form
(``User``, ``Content-Type``) from the filter ``plugin``, unless its ``header_names`` says ``lower``.
"""

from headgate.api.plugin_messages import PluginRequest as Request
from headgate.api.plugin_messages import PluginResponse as Response
from headgate.plugin.service import Service
from headgate.plugin.serving import serve

__all__ = ["Request", "Response", "Service", "serve"]
