"""An agent's configuration, made ready for its requests: whom to ask, what to send, under which names.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.headers import Headers
from headgate.api.plugin import PluginClient
from headgate.api.plugin_messages import PluginRequest
from headgate.api.stream import Stream
from headgate.runtimes.process.agent_attributes import BEFORE_SEND, add_attributes
from headgate.runtimes.process.agent_config import AgentConfig

_KNOWN_NAMES: Final = 1024
"""Names of fields whose wire form is remembered; clients can make up more than that."""

_SEPARATORS: Final = {"cookie": "; "}
"""RFC 9113 section 8.2.3; every other field's values are joined as RFC 9110 section 5.3 says."""


class AgentPlan:
    """What an agent does for the requests of one configuration.

    :ivar config: the configuration
    :ivar client: whom it asks
    :ivar timeout: seconds for the whole call
    """

    def __init__(self, config: AgentConfig, client: PluginClient, timeout: float) -> None:
        self.config = config
        self.client = client
        self.timeout = timeout
        self.reject = config.answer.reject
        self.edits_headers = config.answer.headers
        self.edits_trailers = config.edits_trailers
        self.edits_body = config.edits_body
        self._sends_headers = "headers" in config.send
        self._sends_body = "body" in config.send
        self._sends_trailers = "trailers" in config.send
        self._attributes = tuple(config.attributes)
        self._include = _Names(config.header_choice.include)
        self._exclude = _Names(config.header_choice.exclude)
        self._takes_all = not config.header_choice.include and not config.header_choice.exclude
        self._canonical = config.header_names == "canonical"
        self._names: dict[str, str] = {}

    def request(self, stream: Stream, phase: int) -> PluginRequest:
        """What the plugin is sent of a request, or in ``BEFORE_SEND`` of a response.

        :param phase: the receiver phase's number, or :data:`~headgate.runtimes.process.agent_attributes.BEFORE_SEND`
        """
        message = stream.response if phase == BEFORE_SEND and stream.response is not None else stream.request
        header = self._map(message.headers, self._takes_all) if self._sends_headers else {}
        if self._attributes:
            add_attributes(self._attributes, stream, phase, header)
        trailers = message.trailers
        trailer = self._map(trailers, True) if self._sends_trailers and trailers is not None else {}
        body = message.body if self._sends_body and message.body is not None else b""
        return PluginRequest(header, trailer, body, self.config.request_type)

    def _map(self, headers: Headers, takes_all: bool) -> dict[str, str]:
        """Single-valued, as the message is: of fields that came several times the values are joined, of ``Set-Cookie``, where that is
        not allowed, the last counts. Bytes that are no UTF-8, which no protobuf string can hold, become U+FFFD."""
        result: dict[str, str] = {}
        names = self._names
        lines = headers.lines
        for position, key in enumerate(headers.keys):
            if not takes_all and not self._chosen(key):
                continue
            name = names.get(key)
            if name is None:
                name = self._wire_name(key)
            value = lines[position][len(key) + 2 :].decode("utf-8", "replace")
            earlier = result.get(name)
            if earlier is not None and key != "set-cookie":
                value = earlier + _SEPARATORS.get(key, ", ") + value
            result[name] = value
        return result

    def _wire_name(self, key: str) -> str:
        name = "-".join(part.capitalize() for part in key.split("-")) if self._canonical else key
        if len(self._names) < _KNOWN_NAMES:
            self._names[key] = name
        return name

    def _chosen(self, key: str) -> bool:
        return (self._include.empty or self._include.holds(key)) and not self._exclude.holds(key)


class _Names:
    """Names of fields and beginnings of such."""

    def __init__(self, patterns: list[str]) -> None:
        self.empty = not patterns
        self._exact = frozenset(pattern.lower() for pattern in patterns if not pattern.endswith("*"))
        self._beginnings = tuple(pattern[:-1].lower() for pattern in patterns if pattern.endswith("*"))

    def holds(self, key: str) -> bool:
        return key in self._exact or key.startswith(self._beginnings)
