"""Checks of single texts: regular expressions, header names and values, paths, times."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Final

from headgate.config.durations import format_duration
from headgate.config.findings import Findings, join, shown
from headgate.config.models import HeaderMatchConfig, HeaderValueOption

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RE2_END: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\z")
"""RE2's ``\\z``, which Python spells ``\\Z``, after an even number of backslashes."""
_NOT_IN_TARGET: Final = re.compile(r"[^\x21-\x7e]|#")


def check_regex(text: str, path: str, findings: Findings) -> None:
    """An error if ``text`` is no regular expression. Whether it can run away is judged where it is compiled for good, in the router."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "[[:alpha:]]" may mean something else one day
            re.compile(_RE2_END.sub(r"\1\\Z", text))
    except re.error as error:
        position = "" if error.pos is None else f" at position {error.pos}"
        findings.error(path, f"not a regular expression: {error.msg}{position}: {shown(text)}")
    except (OverflowError, RecursionError):
        findings.error(path, "a regular expression that is too large")


def check_header_name(name: str, path: str, findings: Findings) -> None:
    """An error if ``name`` is no header name (RFC 9110 section 5.1)."""
    if _TOKEN.match(name) is None:
        findings.error(path, f"not a header name: {shown(name)}")


def check_header_value(value: str, path: str, findings: Findings) -> None:
    """An error if ``value`` holds a control character, which would split a message in two."""
    if _CONTROL.search(value) is not None:
        findings.error(path, f"control character in a header's value: {shown(value)}")


def check_headers_to_add(options: Sequence[HeaderValueOption], path: str, findings: Findings) -> None:
    """Names and values of headers to add."""
    for i, option in enumerate(options):
        if option.header.key:
            check_header_name(option.header.key, f"{path}[{i}].header.key", findings)
        check_header_value(option.header.value, f"{path}[{i}].header.value", findings)


def check_headers_to_remove(names: Sequence[str], path: str, findings: Findings) -> None:
    """Names of headers to remove."""
    for i, name in enumerate(names):
        check_header_name(name, f"{path}[{i}]", findings)


def check_header_matches(matches: Sequence[HeaderMatchConfig], path: str, findings: Findings) -> None:
    """Names and regular expressions of header conditions."""
    for i, match in enumerate(matches):
        if match.name:
            check_header_name(match.name, f"{path}[{i}].name", findings)
        if match.regex:
            check_regex(match.value, f"{path}[{i}].value", findings)


def check_target(text: str, path: str, findings: Findings) -> None:
    """An error if ``text`` cannot stand at the beginning of a request target (RFC 9112 section 3.2.1)."""
    if not text.startswith("/"):
        findings.error(path, f"does not begin with '/': {shown(text)}", f"write {shown('/' + text)}")
    elif _NOT_IN_TARGET.search(text) is not None:
        findings.error(path, f"a character that a path cannot hold: {shown(text)}", "percent-encode it")


def check_positive(seconds: float, path: str, findings: Findings) -> None:
    """An error for a time of nothing where one is needed."""
    if seconds <= 0:
        findings.error(path, f"must be more than {format_duration(0.0)}")


def check_unique(names: Sequence[str], path: str, key: str, what: str, findings: Findings) -> None:
    """An error for every name that stands twice in a list; empty names are passed over.

    :param path: path of the list
    :param key: the key of its entries that holds the name
    """
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if not name:
            continue
        if name in first:
            findings.error(join(path, i, key), f"{what} {shown(name)} stands twice", f"the other is {path}[{first[name]}]")
        else:
            first[name] = i
