"""What is found out about a configuration: errors, which refuse it, and warnings, which do not.

Every stage of loading adds to one :class:`Findings`, so that a user learns everything in one go.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Final

from pydantic_core import ErrorDetails

from headgate.api.errors import ConfigError, NotSupportedYet

_PLAIN: Final = re.compile(r"[A-Za-z0-9_\-]+\Z")
_SHOWN: Final = 60
"""A value longer than this is cut in messages."""


def join(path: str, *parts: str | int) -> str:
    """A path extended by keys and list positions: ``join("servers[0]", "listeners", 1)`` is ``servers[0].listeners[1]``."""
    for part in parts:
        if isinstance(part, int):
            path = f"{path}[{part}]"
        elif _PLAIN.match(part) is None:
            path = f"{path}[{part!r}]"
        else:
            path = f"{path}.{part}" if path else part
    return path


def shown(value: object) -> str:
    """A value as messages show it: its JSON-like form, cut if it is long."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def nearest(name: str, known: Collection[str]) -> str:
    """A hint that names the known name most like ``name``, or an empty string if none is."""
    by_lower = {item.lower(): item for item in known}
    near = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f"did you mean {by_lower[near[0]]!r}?" if near else ""


class NameHints:
    """Hints for names that are not among the known ones, such as a route's cluster.

    Looking for the nearest of a thousand names takes milliseconds, so it is done once for each wrong name, and not for ever.

    :param known: the known names
    """

    _MOST: Final = 100

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self._hints: dict[str, str] = {}

    def hint(self, name: str) -> str:
        """What to say about a wrong name: the nearest known one, or some of the known ones."""
        hint = self._hints.get(name)
        if hint is None:
            if len(self._hints) >= self._MOST:
                return ""
            hint = nearest(name, self._known) or "known: " + (", ".join(sorted(self._known)[:8]) or "none")
            self._hints[name] = hint
        return hint


class Findings:
    """Errors and warnings of one configuration, in the order in which they were found.

    :ivar errors: what refuses it
    :ivar warnings: what does not
    :ivar files: path in the configuration -> file that stands for it (``router_configs``, ``clusters_configs``)
    """

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self.warnings: list[ConfigError] = []
        self.files: dict[str, str] = {}
        self._seen: set[str] = set()

    def error(self, path: str, message: str, hint: str = "") -> None:
        """Add an error."""
        self._add(self.errors, ConfigError(path, message, self._with_file(path, hint)))

    def unsupported(self, path: str, detail: str = "") -> None:
        """Add an error: known to MOSN, not implemented so far."""
        self._add(self.errors, NotSupportedYet(path, detail, self._with_file(path, "")))

    def warn(self, path: str, message: str, hint: str = "") -> None:
        """Add a warning."""
        self._add(self.warnings, ConfigError(path, message, self._with_file(path, hint)))

    def _add(self, findings: list[ConfigError], finding: ConfigError) -> None:
        key = finding.render()
        if key not in self._seen:
            self._seen.add(key)
            findings.append(finding)

    def _with_file(self, path: str, hint: str) -> str:
        for prefix, file in self.files.items():
            if path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] in ".["):
                return f"{hint}; in {file}" if hint else f"in {file}"
        return hint

    def reject(self, path: str, detail: ErrorDetails) -> None:
        """Add what pydantic found, in our words.

        :param path: where the validated model stands
        """
        message, hint = _describe(detail)
        self.error(join(path, *detail["loc"]), message, hint)


_EXPECTED: Final[dict[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _describe(detail: ErrorDetails) -> tuple[str, str]:
    """Message and hint of a pydantic error."""
    kind = detail["type"]
    value: object = detail["input"]
    context = detail.get("ctx", {})
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {_kind_of(value)}", _type_hint(kind, value)
    if kind == "literal_error":
        expected = str(context["expected"])
        hint = nearest(value, re.findall(r"'([^']*)'", expected)) if isinstance(value, str) else ""
        return f"expected {expected.replace(chr(39) * 2 + ', ', '')}, got {shown(value)}", hint
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = context.get("ge", context.get("le"))
        return f"{shown(value)} is out of range", f"at {'least' if kind.startswith('greater') else 'most'} {bound}"
    if kind == "string_unicode":
        return "text that is not valid Unicode", ""
    if kind == "finite_number":
        return "not a finite number", ""
    hint = context.get("hint", "")
    return detail["msg"], hint if isinstance(hint, str) else ""


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return shown(value)
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, int | float):
        return f"the number {shown(value)}"
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, dict) else f"a value of type {type(value).__name__}"


def _type_hint(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if kind in ("int_type", "bool_type", "float_type") and isinstance(value, str):
        if value.lower() in ("true", "false") if kind == "bool_type" else value.strip().lstrip("+-").replace(".", "", 1).isdecimal():
            return "remove the quotes"
        return ""
    if kind == "list_type" and isinstance(value, dict):
        return "put it in square brackets"
    return ""
