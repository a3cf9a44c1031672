"""Answering without an upstream."""

from __future__ import annotations

from headgate.api.errors import ConfigError
from headgate.config.models import DirectResponseConfig


class DirectResponse:
    """A fixed answer.

    :ivar status: 200 to 599
    :ivar body: sent as it is
    """

    def __init__(self, status: int, body: bytes) -> None:
        self.status: int = status
        self.body: bytes = body


def build_direct_response(config: DirectResponseConfig, path: str) -> DirectResponse:
    """Make a direct response; its body is sent as UTF-8.

    :param path: where it stands
    :raises ConfigError: for a status that is none of a final response, and for a body where there can be none (204, 304)
    """
    if not 200 <= config.status <= 599:
        raise ConfigError(f"{path}.status", f"not the status of a response: {config.status}", "200 to 599")
    if config.body and config.status in (204, 304):
        raise ConfigError(f"{path}.body", f"a response with status {config.status} has no body (RFC 9110 section 6.4.1)")
    return DirectResponse(config.status, config.body.encode("utf-8", "surrogateescape"))
