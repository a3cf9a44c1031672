"""A stream filter entry's ``match``, from configuration to conditions."""

from __future__ import annotations

import re

from headgate.api.errors import ConfigError
from headgate.config.models import StreamFilterMatchConfig
from headgate.proxy.filter_entry import EntryMatch, HeaderCondition


class _Equals(HeaderCondition):
    def __init__(self, value: str) -> None:
        self._value = value

    def holds(self, value: str | None) -> bool:
        return value == self._value


class _Present(HeaderCondition):
    def holds(self, value: str | None) -> bool:
        return value is not None


class _Matches(HeaderCondition):
    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def holds(self, value: str | None) -> bool:
        return value is not None and self._pattern.search(value) is not None


def build_match(config: StreamFilterMatchConfig | None, path: str) -> EntryMatch | None:
    """The conditions, or None if every request enters the filter.

    A header without ``value`` must be present; with ``regex`` its value must contain the expression; else it must be equal.

    :raises ConfigError: for an expression that does not compile
    """
    if config is None:
        return None
    headers: list[tuple[str, HeaderCondition]] = []
    for position, header in enumerate(config.headers):
        condition: HeaderCondition
        if header.regex:
            try:
                condition = _Matches(re.compile(header.value))
            except re.error as error:
                raise ConfigError(f"{path}.headers[{position}].value", f"not a regular expression: {error}") from None
        elif header.value:
            condition = _Equals(header.value)
        else:
            condition = _Present()
        headers.append((header.name.lower(), condition))
    return EntryMatch(config.path, config.path_prefix, frozenset(method.upper() for method in config.methods), headers)
