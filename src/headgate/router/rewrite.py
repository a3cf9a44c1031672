"""Rewriting a request's path and host on its way upstream.

The query always stays. The path that the client sent goes along in ``x-mosn-original-path``, as MOSN names it.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import re
from typing import Final

from headgate.api.errors import ConfigError, HeaderError
from headgate.api.headers import header_line
from headgate.api.messages import RequestHead
from headgate.config.models import RegexRewriteConfig
from headgate.router.errors import RewriteError
from headgate.router.header_rules import replace_line
from headgate.router.path_text import encode_configured, encode_decoded, offset_after
from headgate.router.regex import RouteRegex, compile_regex

ORIGINAL_PATH: Final = "x-mosn-original-path"
_REFERENCE: Final = re.compile(r"\$(\$|\w+|\{\w+\})|\\([0-9\\])", re.ASCII)


class PathRewrite:
    """Makes the path that goes upstream."""

    def rewritten(self, request: RequestHead) -> str:
        """The new path, percent-encoded, without the query."""
        raise NotImplementedError

    def apply(self, request: RequestHead) -> None:
        """Rewrite the request's path.

        :raises RewriteError: if the result may not stand in a request line
        """
        path = request.path
        new_path = self.rewritten(request)
        if new_path == path:
            return
        try:
            request.path = new_path
        except HeaderError as error:
            raise RewriteError(f"the path {path!r} is rewritten to {new_path!r}: {error}") from None
        replace_line(request.headers, ORIGINAL_PATH, header_line(ORIGINAL_PATH, path))


class PrefixRewrite(PathRewrite):
    """Puts a text in the place of the matched prefix, or of the whole path.

    :param prefix: the matched prefix, decoded; None: the whole path is replaced
    :param replacement: percent-encoded
    """

    def __init__(self, prefix: str | None, replacement: str) -> None:
        self._prefix = prefix
        self._replacement = replacement

    def rewritten(self, request: RequestHead) -> str:
        """The replacement, and what follows the prefix as it was sent."""
        prefix = self._prefix
        if prefix is None:
            return self._replacement
        path = request.path
        if not request.decoded_path.startswith(prefix):
            return path  # a filter has changed the path since the route was matched
        return self._replacement + path[offset_after(path, prefix) :]


class RegexRewrite(PathRewrite):
    """Replaces everything that an expression finds in the decoded path.

    :param literals: the substitution's fixed pieces, percent-encoded; one more than there are groups
    :param groups: numbers of the groups between them
    """

    def __init__(self, regex: RouteRegex, literals: list[str], groups: list[int]) -> None:
        self._regex = regex
        self._literals = literals
        self._groups = groups

    def rewritten(self, request: RequestHead) -> str:
        """The path as sent if nothing is found in it; else put together from its decoded form.

        :raises SubjectTooLong: see :class:`RouteRegex`
        """
        path = request.decoded_path
        regex = self._regex
        if len(path) > regex.limit:
            regex.refuse(path)
        out: list[str] = []
        end = 0
        found = False
        for match in regex.pattern.finditer(path):
            if found and match.start() == match.end() == end:
                continue  # RE2 finds no empty match right behind another one, Python does
            out.append(encode_decoded(path[end : match.start()]))
            end = match.end()
            found = True
            out.append(self._literals[0])
            for i in range(len(self._groups)):
                out.append(encode_decoded(match.group(self._groups[i]) or ""))
                out.append(self._literals[i + 1])
        if not found:
            return request.path
        out.append(encode_decoded(path[end:]))
        return "".join(out)


def build_prefix_rewrite(replacement: str, prefix: str | None, path: str) -> PathRewrite:
    """Make the rewrite of a ``prefix_rewrite``.

    :param prefix: the route's prefix; None for a route that matches one path
    :param path: where the key stands
    :raises ConfigError: for a replacement that makes no path
    """
    if not replacement.startswith("/"):
        raise ConfigError(path, f"a path begins with '/': {replacement!r}")
    return PrefixRewrite(prefix, encode_configured(_without_query(replacement, path)))


def build_regex_rewrite(config: RegexRewriteConfig, path: str) -> PathRewrite:
    """Make the rewrite of a ``regex_rewrite``. Groups are written ``$1``, ``${1}``, ``${name}`` as in MOSN, or ``\\1`` as in Envoy.

    :param path: where the key stands
    :raises ConfigError: for a bad expression, or a substitution that refers to a group that it has not
    """
    regex = compile_regex(config.pattern.regex, f"{path}.pattern.regex", 414, place_matters=True)
    where = f"{path}.substitution"
    text = _without_query(config.substitution, where)
    literals = [""]
    groups: list[int] = []
    end = 0
    for reference in _REFERENCE.finditer(text):
        literals[-1] += text[end : reference.start()]
        end = reference.end()
        name = (reference.group(1) or reference.group(2)).strip("{}")
        if name in ("$", "\\"):
            literals[-1] += name
            continue
        groups.append(_group_number(name, regex, where))
        literals.append("")
    literals[-1] += text[end:]
    return RegexRewrite(regex, [encode_configured(piece) for piece in literals], groups)


def _group_number(name: str, regex: RouteRegex, path: str) -> int:
    pattern = regex.pattern
    number = int(name) if name.isdecimal() else pattern.groupindex.get(name, -1)
    if not 0 <= number <= pattern.groups:
        hint = "write ${1}x for group 1 before a letter, $$ for a dollar sign"
        raise ConfigError(path, f"the regular expression has no group {name!r}", hint)
    return number


def _without_query(text: str, path: str) -> str:
    for mark in "?#":
        if mark in text:
            raise ConfigError(path, f"{mark!r} may not stand in a rewritten path: {text!r}", "the query of the request is kept as it is")
    return text


def build_host_rewrite(host: str, path: str) -> bytes:
    """The ``Host`` line of a ``host_rewrite``.

    :param path: where the key stands
    :raises ConfigError: for a text that may not stand there
    """
    try:
        line = header_line("Host", host)
    except HeaderError as error:
        raise ConfigError(path, str(error)) from None
    if " " in host or "/" in host or "\t" in host:
        raise ConfigError(path, f"not a host: {host!r}", "write it like example.com or example.com:8080")
    return line
