"""The two messages of a plugin call, ``proto.Request`` and ``proto.Response`` of MOSN.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations


class PluginRequest:
    """What a plugin is asked.

    :ivar header: field 1: single-valued headers, their names as the caller writes them: the filter ``plugin`` in their canonical form
        (``User``, ``Content-Type``) unless its ``header_names`` says ``lower``
    :ivar trailer: field 2: likewise
    :ivar body: field 3
    :ivar type: field 4: free
    """

    def __init__(
        self, header: dict[str, str] | None = None, trailer: dict[str, str] | None = None, body: bytes = b"", type: str = ""
    ) -> None:
        self.header: dict[str, str] = header if header is not None else {}
        self.trailer: dict[str, str] = trailer if trailer is not None else {}
        self.body: bytes = body
        self.type: str = type


class PluginResponse:
    """What a plugin answers.

    :ivar header: field 1
    :ivar trailer: field 2
    :ivar body: field 3; empty and missing are the same
    :ivar status: field 4: its meaning is between caller and plugin
    """

    def __init__(
        self, header: dict[str, str] | None = None, trailer: dict[str, str] | None = None, body: bytes = b"", status: int = 0
    ) -> None:
        self.header: dict[str, str] = header if header is not None else {}
        self.trailer: dict[str, str] = trailer if trailer is not None else {}
        self.body: bytes = body
        self.status: int = status
