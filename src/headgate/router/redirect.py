"""Answering with a redirect. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

import re
from typing import Final

from headgate.api.errors import ConfigError
from headgate.api.stream import Stream
from headgate.config.models import RedirectConfig
from headgate.router.path_text import encode_configured

CODES: Final = (301, 302, 303, 307, 308)
_DEFAULT_PORTS: Final[dict[str, str]] = {"http": ":80", "https": ":443"}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9.+-]*\Z")


class Redirect:
    """Where a redirect leads: parts that are empty are those of the request.

    :param path: percent-encoded
    :param query: None: that of the request
    """

    def __init__(self, code: int, scheme: str, host: str, path: str, query: str | None) -> None:
        self.code: int = code
        self._scheme: str = scheme
        self._host: str = host
        self._path: str = path
        self._query: str | None = query

    def location(self, stream: Stream) -> str:
        """The absolute URL of the ``Location`` header.

        The default port of the old scheme is dropped from the request's host when the scheme changes. A request without a host is
        led to the address at which it arrived.
        """
        request = stream.request
        scheme = self._scheme or request.scheme
        host = self._host
        if not host:
            host = request.authority or stream.connection.local.text
            if scheme != request.scheme:
                host = host.removesuffix(_DEFAULT_PORTS.get(request.scheme, "\n"))
        path = self._path or request.path
        if path == "*":
            path = "/"
        query = request.query if self._query is None else self._query
        return f"{scheme}://{host}{path}" if query is None else f"{scheme}://{host}{path}?{query}"


def build_redirect(config: RedirectConfig, path: str) -> Redirect:
    """Make a redirect. A ``path_redirect`` may carry a query, which then replaces the request's (as in Envoy).

    :param path: where the redirect stands
    :raises ConfigError: for a part that makes no URL, and for another status code than 301, 302, 303, 307 and 308
    """
    code = config.response_code or 301
    if code not in CODES:
        raise ConfigError(f"{path}.response_code", f"not a code of a redirect: {code}", "301, 302, 303, 307 or 308")
    scheme = config.scheme_redirect.lower()
    if scheme and _SCHEME.match(scheme) is None:
        raise ConfigError(f"{path}.scheme_redirect", f"not a scheme: {config.scheme_redirect!r}", "http or https")
    host = config.host_redirect
    if host and (re.search(r"[\s/?#@\\]", host) or not host.isascii()):
        raise ConfigError(f"{path}.host_redirect", f"not a host: {host!r}", "write it like example.com or example.com:8080")
    if config.path_redirect and not config.path_redirect.startswith("/"):
        raise ConfigError(f"{path}.path_redirect", f"a path begins with '/': {config.path_redirect!r}")
    new_path, question_mark, query = config.path_redirect.partition("?")
    if "#" in config.path_redirect or not query.isascii() or any(c <= " " or c == "\x7f" for c in query):
        raise ConfigError(f"{path}.path_redirect", f"a character that a URL cannot hold: {config.path_redirect!r}", "percent-encode it")
    if not (scheme or host or config.path_redirect):
        raise ConfigError(path, "a redirect that changes nothing would lead clients in circles", "give a path, host or scheme")
    return Redirect(code, scheme, host, encode_configured(new_path), query if question_mark else None)
