"""Regular expressions of routes: RE2's syntax, as in MOSN, on Python's ``re``, which backtracks.

The common ground of both syntaxes means the same here. Where they differ, RE2's meaning holds:

- ``$`` and ``\\z`` match at the very end only (``re``: also before a final line end, which a client can put there as ``%0A``);
- ``\\d``, ``\\w``, ``\\s`` and ``\\b`` are ASCII;
- POSIX classes such as ``[[:alpha:]]`` work.

What RE2 has and ``re`` has not (``\\pL``, ``\\Q...\\E``, flags in mid-expression) is refused when the configuration is loaded, and so is
what could run away (``regex_safety.py``). What may take quadratic time gets a limit on the length of its subject instead.
"""

from __future__ import annotations

import re
import warnings
from typing import Final

from headgate.api.errors import ConfigError
from headgate.router.errors import SubjectTooLong
from headgate.router.regex_safety import EXPONENTIAL, UnsafeConstruct, growth_of

MAX_SUBJECT: Final = 4096
"""Characters that an expression which may take quadratic time looks at. Usual ones then take 10 ms at worst, the slowest that
random construction found 2 s."""
_UNLIMITED: Final = 1 << 60
_MAX_BITS: Final[dict[int, int]] = {1: 10, 2: 1}
"""Exponent of the time that a search may take -> binary logarithm of the greatest constant factor."""
_IDLE_START: Final = re.compile(r"(\(\?[a-zA-Z]+\))?(?:\.\*\??)+(?![*+?{])")
_MULTILINE: Final = re.compile(r"\(\?[a-zA-Z]*m")
_POSIX: Final[dict[str, str]] = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


class RouteRegex:
    """A compiled expression that cannot run away.

    :ivar pattern: the compiled expression
    :ivar limit: characters that it may look at
    :ivar too_long: status that answers a request with a longer value
    """

    def __init__(self, pattern: re.Pattern[str], limit: int, too_long: int) -> None:
        self.pattern: re.Pattern[str] = pattern
        self.limit: int = limit
        self.too_long: int = too_long

    def found_in(self, text: str) -> bool:
        """Whether the expression matches anywhere in the text.

        :raises SubjectTooLong: if the text is longer than this expression can be trusted with
        """
        if len(text) > self.limit:
            self.refuse(text)
        return self.pattern.search(text) is not None

    def refuse(self, text: str) -> None:
        """Raise the error for a text that is too long.

        :raises SubjectTooLong: always
        """
        message = f"{len(text)} characters are too many for the regular expression {self.pattern.pattern!r}: limit {self.limit}"
        raise SubjectTooLong(message, self.too_long)


def compile_regex(text: str, path: str, too_long: int = 431, *, place_matters: bool = False) -> RouteRegex:
    """Compile an expression of the configuration.

    :param text: in RE2's syntax
    :param path: where it stands, for messages
    :param too_long: status that answers a request whose value is longer than the expression can be trusted with
    :param place_matters: what is found is used, not only that it is found
    :raises ConfigError: if it does not compile or could take more than quadratic time
    """
    translated = _to_python(text, path)
    if not place_matters:
        # ".*x" is found wherever "x" is, and takes a factor n longer to find.
        translated = _IDLE_START.sub(r"\1", translated, count=1) if _IDLE_START.match(translated) else translated
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "possible nested set": means something else in RE2
            pattern = re.compile(translated, re.ASCII)
    except (re.error, FutureWarning, DeprecationWarning, OverflowError, RecursionError) as error:
        raise ConfigError(path, f"not a regular expression: {text!r}: {error}") from None
    try:
        growth = growth_of(translated, re.ASCII)
    except UnsafeConstruct as error:
        raise ConfigError(path, f"{error}: {text!r}") from None
    if growth.exponent >= EXPONENTIAL:
        hint = "let what repeats begin or end with a character that its inside cannot match, e.g. (/[^/]+)* for (/.+)*"
        raise ConfigError(path, f"a client could make this regular expression run for ever: {text!r}", hint)
    if growth.bits > _MAX_BITS.get(growth.exponent, -1):
        hint = "begin it with ^, or write [^/]* where .* stands between slashes"
        raise ConfigError(path, f"a client could make this regular expression run very long: {text!r}", hint)
    return RouteRegex(pattern, _UNLIMITED if growth.exponent < 2 else MAX_SUBJECT, too_long)


def _to_python(text: str, path: str) -> str:
    """Write RE2's meaning in Python's syntax."""
    keep_dollar = _MULTILINE.search(text) is not None
    out: list[str] = []
    in_class = False
    i = 0
    while i < len(text):
        character = text[i]
        if character == "\\" and i + 1 < len(text):
            out.append("\\Z" if text[i + 1] == "z" and not in_class else text[i : i + 2])
            i += 2
            continue
        if in_class and text.startswith("[:", i):
            end = text.find(":]", i)
            name = text[i + 2 : end] if end > 0 else ""
            if name not in _POSIX:
                raise ConfigError(path, f"unknown character class in regular expression {text!r}", "known: " + ", ".join(sorted(_POSIX)))
            out.append(_POSIX[name])
            i = end + 2
            continue
        if character == "[" and not in_class:
            in_class = True
            # A "]" in the first place, also after "^", is a member of the class.
            start = i + 2 if text.startswith("[^", i) else i + 1
            if text.startswith("]", start):
                start += 1
            out.append(text[i:start])
            i = start
            continue
        if character == "]":
            in_class = False
        out.append("\\Z" if character == "$" and not in_class and not keep_dollar else character)
        i += 1
    return "".join(out)
