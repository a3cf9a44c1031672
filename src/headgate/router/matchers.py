"""Which requests a route takes: path, headers, variables. Runtime part; ``match_builder.py`` makes these from the configuration.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

from headgate.api.messages import RequestHead
from headgate.api.stream import Stream
from headgate.observe.variables import VariableReader
from headgate.router.regex import RouteRegex

ANY: Final = 0
"""Every path."""
PREFIX: Final = 1
"""The decoded path begins with the text, case-sensitive."""
PATH: Final = 2
"""The decoded path is the text, in any case."""
REGEX: Final = 3
"""The expression is found anywhere in the decoded path."""


class ValueMatcher:
    """A condition on a text: equal, found by an expression, or just not empty.

    :param value: what it must be, when there is neither of the others
    :param regex: what must be found in it
    :param anything: not empty is enough
    """

    def __init__(self, value: str, regex: RouteRegex | None, anything: bool = False) -> None:
        self.value: str = value
        self.regex: RouteRegex | None = regex
        self.anything: bool = anything

    def accepts(self, text: str) -> bool:
        """Whether the text is what is asked for.

        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        if self.regex is not None:
            return self.regex.found_in(text)
        if self.anything:
            return text != ""
        return text == self.value


class HeaderMatcher:
    """A condition on one header. Of several fields under a name the first counts, as in MOSN and in ``Headers.get``.

    :param key: lower-cased name; ``method`` is the request's method
    """

    def __init__(self, key: str, value: ValueMatcher) -> None:
        self.key: str = key
        self.value: ValueMatcher = value
        self.is_method: bool = key == "method"

    def holds(self, request: RequestHead) -> bool:
        """Whether the request has such a header.

        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        if self.is_method:
            return self.value.accepts(request.method)
        headers = request.headers
        keys = headers.keys
        if self.key not in keys:
            return False
        return self.value.accepts(headers.value_at(keys.index(self.key)))


class VariableMatcher:
    """A condition on one variable of the stream; one that is missing is empty."""

    def __init__(self, reader: VariableReader, value: ValueMatcher) -> None:
        self.reader: VariableReader = reader
        self.value: ValueMatcher = value

    def holds(self, stream: Stream) -> bool:
        """Whether the variable is what is asked for.

        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        return self.value.accepts(self.reader.read(stream) or "")


_NO_HEADERS: Final[list[HeaderMatcher]] = []
_NO_VARIABLES: Final[list[list[VariableMatcher]]] = []
"""Most of ten thousand routes have no conditions; empty lists of their own would cost memory, and time in each garbage collection."""


class RouteMatcher:
    """All conditions of one route: the path, each of the headers, and all of one group of variables (if there are groups).

    :ivar kind: ``ANY``, ``PREFIX``, ``PATH`` or ``REGEX``
    :ivar text: the prefix, or the path lower-cased
    :ivar conditional: there are conditions beside the path
    """

    def __init__(
        self,
        kind: int,
        text: str,
        regex: RouteRegex | None,
        headers: list[HeaderMatcher],
        variables: list[list[VariableMatcher]],
    ) -> None:
        self.kind: int = kind
        self.text: str = text.lower() if kind == PATH else text
        self.regex: RouteRegex | None = regex
        self.headers: list[HeaderMatcher] = headers or _NO_HEADERS
        self.variables: list[list[VariableMatcher]] = variables or _NO_VARIABLES
        self.conditional: bool = bool(headers or variables)

    def matches(self, path: str, stream: Stream) -> bool:
        """Whether the route takes the request.

        :param path: the request's decoded path
        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        kind = self.kind
        if kind == PREFIX:
            if not path.startswith(self.text):
                return False
        elif kind == PATH:
            if path != self.text and path.lower() != self.text:
                return False
        elif kind == REGEX:
            regex = self.regex
            if regex is None or not regex.found_in(path):
                return False
        return not self.conditional or self.conditions_hold(stream)

    def conditions_hold(self, stream: Stream) -> bool:
        """Whether everything beside the path fits.

        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        request = stream.request
        for header in self.headers:
            if not header.holds(request):
                return False
        if not self.variables:
            return True
        for group in self.variables:  # noqa: SIM110  # a generator would be one more allocation
            if self._all_hold(group, stream):
                return True
        return False

    def _all_hold(self, group: list[VariableMatcher], stream: Stream) -> bool:
        for variable in group:  # noqa: SIM110  # as above
            if not variable.holds(stream):
                return False
        return True
