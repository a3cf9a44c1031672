"""Keys of the raw mapping against the keys of the models: any case is accepted, unknown and repeated ones are not.

MOSN reads keys in any case (Go's ``encoding/json``) and drops unknown ones without a word; here an unknown key is an error, because a
misspelt key of a security filter would otherwise open a door. The content of free mappings (a filter's ``config``, ``metadata``, ...)
is left alone, only checked for being plain data.

One table for each model is made at its first use; after that a key costs one dictionary look-up, which matters for a
configuration of 10,000 routes.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from typing import Final

from headgate.config.findings import Findings, join, nearest, shown
from headgate.config.models.base import ConfigModel

_DEEPEST: Final = 64
"""Nesting of free mappings past this is refused; recursion over it stays harmless."""


class RepeatedKeys(dict[str, object]):
    """What a reader makes of a mapping in which a key stands twice.

    :ivar repeated: one text for each such key, with its line if that is known
    """

    def __init__(self, repeated: list[str]) -> None:
        super().__init__()
        self.repeated = repeated


class Kind(IntEnum):
    """What stands behind a key."""

    LEAF = 0
    """A value, or a list of values: checked by the model."""
    FREE = 1
    """Free mappings: left alone."""
    MODEL = 2
    """A mapping with a model of its own."""
    MODELS = 3
    """A list of such mappings."""


class KeyEntry:
    """One known key.

    :ivar name: the key as MOSN spells it
    :ivar kind: what stands behind it
    :ivar model: the model behind it, if it has one
    """

    def __init__(self, name: str, kind: Kind, model: type[ConfigModel] | None) -> None:
        self.name = name
        self.kind = kind
        self.model = model


class KeyTable:
    """The known keys of one model, by their lower-case form."""

    def __init__(self, model: type[ConfigModel]) -> None:
        self.model = model
        self.entries: dict[str, KeyEntry] = {}
        for attribute, field in model.model_fields.items():
            name = field.serialization_alias or attribute
            kind, child = _kind_of(field.annotation)
            self.entries[name.lower()] = KeyEntry(name, kind, child)
        self.names = [entry.name for entry in self.entries.values()]
        for old, new in model.key_aliases.items():
            self.entries[old] = self.entries[new]


def _kind_of(annotation: object) -> tuple[Kind, type[ConfigModel] | None]:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return _kind_of(next(part for part in typing.get_args(annotation) if part is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return Kind.MODEL, annotation
    if origin is list:
        kind, child = _kind_of(typing.get_args(annotation)[0])
        return (Kind.MODELS, child) if kind is Kind.MODEL else (kind, None)
    return (Kind.FREE, None) if origin is dict else (Kind.LEAF, None)


@cache
def key_table(model: type[ConfigModel]) -> KeyTable:
    """The table of a model."""
    return KeyTable(model)


class KeyNormaliser:
    """Rewrites raw mappings into the models' own spelling.

    :param findings: takes unknown, repeated and missing keys
    :param lenient: unknown keys are warnings and are dropped
    """

    def __init__(self, findings: Findings, lenient: bool) -> None:
        self._findings = findings
        self._lenient = lenient

    def normalise(self, raw: dict[str, object], model: type[ConfigModel], path: str) -> dict[str, object]:
        """The mapping with keys as ``model`` spells them, in the order of the file; keys whose value is null are left out, as in Go.

        :param path: where the mapping stands
        """
        if type(raw) is not dict:
            self._report_repeated(raw, path)
        table = key_table(model)
        entries = table.entries
        result: dict[str, object] = {}
        items: Iterable[tuple[object, object]] = raw.items()  # YAML has keys that are not text
        for key, value in items:
            entry = (entries.get(key) or entries.get(key.lower())) if isinstance(key, str) else None
            if entry is None:
                self._unknown(key, table, path)
                continue
            name = entry.name
            if name in result:
                self._findings.error(join(path, name), f"given twice, as {shown(key)} too", "keys are the same in any case")
                continue
            if value is None:
                continue
            kind = entry.kind
            if kind is Kind.LEAF:
                if self._is_unicode(value, path, name):
                    result[name] = value
            elif kind is Kind.FREE:
                result[name] = self._free(value, join(path, name), 0)
            else:
                result[name] = self._models(value, entry, join(path, name))
        if not model.required_keys <= result.keys():
            for name in sorted(model.required_keys - result.keys()):
                self._findings.error(join(path, name), "required, but not given")
        if model.typed_configs:
            self._typed_config(result, model, path)
        return result

    def _models(self, value: object, entry: KeyEntry, path: str) -> object:
        """What stands behind a key with a model; anything of the wrong shape goes on to the model, which refuses it."""
        model = entry.model
        if model is None:
            return value
        if entry.kind is Kind.MODEL:
            return self.normalise(value, model, path) if isinstance(value, dict) else value
        if not isinstance(value, list):
            return value
        return [self.normalise(item, model, f"{path}[{i}]") if isinstance(item, dict) else item for i, item in enumerate(value)]

    def _typed_config(self, result: dict[str, object], model: type[ConfigModel], path: str) -> None:
        typed = model.typed_configs.get(str(result.get("type")))
        config = result.get("config", {})
        if typed is not None and isinstance(config, dict):
            result["config"] = self.normalise(config, typed, join(path, "config"))

    def _free(self, value: object, path: str, depth: int) -> object:
        """A value of a free mapping, checked for being what JSON can hold; returned as it is, unless a key had to become text."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            if not value.isascii() and not _encodable(value):
                self._findings.error(path, "text that is not valid Unicode")
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                self._findings.error(path, "not a finite number")
            return value
        if depth >= _DEEPEST:
            self._findings.error(path, f"nested more than {_DEEPEST} deep")
            return None
        if isinstance(value, list):
            return [self._free(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
        if isinstance(value, dict):
            if type(value) is not dict:
                self._report_repeated(value, path)
            return {self._text_key(key, path): self._free(item, join(path, str(key)), depth + 1) for key, item in value.items()}
        self._findings.error(path, f"a value of type {type(value).__name__}, which JSON does not have", "put it in quotes")
        return None

    def _is_unicode(self, value: object, path: str, name: str) -> bool:
        """An error for text with half a surrogate pair (``"\\ud800"``), which no file and no message can hold."""
        texts = value if isinstance(value, list) else (value,)
        for text in texts:
            if isinstance(text, str) and not text.isascii() and not _encodable(text):
                self._findings.error(join(path, name), "text that is not valid Unicode")
                return False
        return True

    def _text_key(self, key: object, path: str) -> str:
        if isinstance(key, str):
            if not key.isascii() and not _encodable(key):
                self._findings.error(path, f"the key {shown(key)} is not valid Unicode")
            return key
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, int):
            return str(key)
        self._findings.error(path, f"the key {shown(key)} is not text", "put it in quotes")
        return str(key)

    def _unknown(self, key: object, table: KeyTable, path: str) -> None:
        if not isinstance(key, str):
            self._findings.error(path, f"the key {shown(key)} is not text", "put it in quotes")
            return
        hint = nearest(key, table.names)
        if not hint:
            hint = _belongs_below(key, table)
        if self._lenient:
            self._findings.warn(join(path, key), "unknown key, ignored", hint)
        else:
            self._findings.error(join(path, key), "unknown key", hint)

    def _report_repeated(self, raw: dict[str, object], path: str) -> None:
        if isinstance(raw, RepeatedKeys):
            for text in raw.repeated:
                self._findings.error(path, f"the key {text} stands twice")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _belongs_below(key: str, table: KeyTable) -> str:
    for entry in table.entries.values():
        if entry.model is not None and key.lower() in key_table(entry.model).entries:
            return f"it belongs in {entry.name!r}"
    return ""
