"""Configuration files as plain data: JSON, or YAML by the ending ``.yaml`` / ``.yml``.

Both refuse what cannot be meant: a key that stands twice, numbers that are not finite, other types than JSON has. YAML is read as
MOSN reads it (version 1.1: ``yes`` and ``on`` are booleans), but dates and sexagesimal numbers stay text.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Final

import yaml

from headgate.api.errors import ConfigError
from headgate.config.findings import shown
from headgate.config.keys import RepeatedKeys

MAX_FILE_SIZE: Final = 64 << 20
"""Bytes; a larger file is refused before it is read."""
_MAX_EXPANDED: Final = 5_000_000
"""Values that YAML aliases may expand to: a few lines of nested aliases can stand for billions."""
YAML_SUFFIXES: Final = frozenset({".yaml", ".yml"})


def read_file(path: Path) -> object:
    """The content of a configuration file.

    :raises ConfigError: one line that says what is wrong and where: unreadable, too large, empty, a syntax error, ...
    """
    text = _read_text(path)
    if not text.strip():
        raise ConfigError("", f"{path}: the file is empty")
    try:
        return _read_yaml(text) if path.suffix.lower() in YAML_SUFFIXES else _read_json(text)
    except ConfigError as error:
        raise ConfigError("", f"{path}: {error.message}", error.hint) from None
    except RecursionError:
        raise ConfigError("", f"{path}: nested too deeply") from None


def _read_text(path: Path) -> str:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ConfigError("", f"{path}: is a directory", "name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError("", f"{path}: is not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_SIZE + 1)
    except ValueError as error:
        raise ConfigError("", f"{shown(str(path))}: {error}") from None
    except OSError as error:
        raise ConfigError("", f"{path}: {(error.strerror or str(error)).lower()}") from None
    if len(data) > MAX_FILE_SIZE:
        raise ConfigError("", f"{path}: larger than {MAX_FILE_SIZE >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("", f"{path}: line {line}: not UTF-8") from None


def _read_json(text: str) -> object:
    try:
        value: object = json.loads(text, object_pairs_hook=_mapping, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigError("", f"line {error.lineno}, column {error.colno}: {_json_message(error, text)}") from None
    except ValueError as error:
        # A number of thousands of digits: int() refuses it.
        raise ConfigError("", str(error).split(";")[0]) from None
    return value


def _json_message(error: json.JSONDecodeError, text: str) -> str:
    message = error.msg[:1].lower() + error.msg[1:]
    rest = text[error.pos : error.pos + 2]
    if rest in ("//", "/*") or rest[:1] == "#":
        return "comments are not allowed in JSON"
    return message


def _mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) == len(pairs):
        return mapping
    names = [name for name, _ in pairs]
    marked = RepeatedKeys([repr(name) for name in mapping if names.count(name) > 1])
    marked.update(mapping)
    return marked


def _refuse_constant(name: str) -> float:
    raise ConfigError("", f"{name} is not a JSON number")


# The C loader is about ten times as fast; both come with PyYAML, which is built without it where libyaml is missing.
_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[valid-type,misc]  # the base is chosen when the module is imported
    """YAML's safe loader, less what JSON does not have."""


_PREFIX: Final = "tag:yaml.org,2002:"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_PREFIX) not in ("timestamp", "int", "float")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_INT: Final = r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)\Z"
_FLOAT: Final = (
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))\Z|\.(?:nan|NaN|NAN)\Z"
)
_Loader.add_implicit_resolver(f"{_PREFIX}int", re.compile(_INT), list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_PREFIX}float", re.compile(_FLOAT), list("-+0123456789."))


def _construct_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Iterator[dict[Hashable, object]]:
    lines: dict[str, int] = {}
    repeated: list[str] = []
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_PREFIX}merge":
            continue
        if key.value in lines:
            repeated.append(f"{key.value!r} (lines {lines[key.value]} and {key.start_mark.line + 1})")
        lines[key.value] = key.start_mark.line + 1
    mapping: dict[Hashable, object] = RepeatedKeys(repeated) if repeated else {}  # type: ignore[assignment]  # keys are checked later
    yield mapping
    mapping.update(loader.construct_mapping(node))


_Loader.add_constructor(f"{_PREFIX}map", _construct_mapping)


def _read_yaml(text: str) -> object:
    try:
        value: object = yaml.load(text, Loader=_Loader)  # a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        raise ConfigError("", *_yaml_message(error, text)) from None
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        raise ConfigError("", str(error).splitlines()[0]) from None
    if "&" in text and _expanded(value, {}) > _MAX_EXPANDED:
        raise ConfigError("", "its aliases stand for more than five million values")
    return value


def _yaml_message(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return str(error.problem or error).splitlines()[0], ""
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return f"line {mark.line + 1}: a tab indents this line, which YAML does not allow", "indent with spaces"
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem or error.context}", ""


def _expanded(value: object, known: dict[int, int]) -> int:
    """How many values ``value`` stands for when every alias is written out; linear in what the file really holds."""
    if not isinstance(value, list | dict):
        return 1
    count = known.get(id(value))
    if count is None:
        known[id(value)] = _MAX_EXPANDED + 1  # what a value that contains itself comes to
        children = value.values() if isinstance(value, dict) else value
        count = 1 + sum(_expanded(child, known) for child in children)
        known[id(value)] = count
    return count
