"""The reference of all keys, made from the models: what ``docs/configuration.md`` shows between its markers."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Final, Literal

from headgate.config.keys import key_table
from headgate.config.models import ConfigModel, HeadgateConfig
from headgate.config.models.base import ByteSize, Duration, OriginalDestination, Port, UInt32, WorkerCount
from headgate.config.support_table import support_note

_NAMED_TYPES: Final[list[tuple[object, str]]] = [
    (Duration, "duration"),
    (ByteSize, "size"),
    (WorkerCount, "number or `auto`"),
    (OriginalDestination, "text"),
    (Port, "port"),
    (UInt32, "number"),
    (str, "text"),
    (bool, "true/false"),
    (int, "number"),
    (float, "number"),
]


def all_models() -> list[type[ConfigModel]]:
    """Every model of a configuration, from the top down."""
    found: list[type[ConfigModel]] = []
    _gather(HeadgateConfig, found)
    return found


def _gather(model: type[ConfigModel], found: list[type[ConfigModel]]) -> None:
    if model in found:
        return
    found.append(model)
    for child in _children(model):
        _gather(child, found)


def _children(model: type[ConfigModel]) -> Iterator[type[ConfigModel]]:
    for entry in key_table(model).entries.values():
        if entry.model is not None:
            yield entry.model
    yield from model.typed_configs.values()


def reference_markdown() -> str:
    """One section with a table for each model."""
    return "\n".join(_section(model) for model in all_models())


def title(model: type[ConfigModel]) -> str:
    """The heading of a model's section."""
    return model.__name__.removesuffix("Config")


def _section(model: type[ConfigModel]) -> str:
    lines = [f"### {title(model)}", "", (model.__doc__ or "").strip().replace("``", "`"), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    defaults = model().model_dump(by_alias=True)
    hints = typing.get_type_hints(model, include_extras=True)
    for attribute, field in model.model_fields.items():
        name = field.serialization_alias or attribute
        default = "required" if name in model.required_keys else _default(defaults[name])
        mark = " (H)" if attribute in model.own_keys else ""
        lines.append(f"| `{name}`{mark} | {_type(hints[attribute])} | {default} | {_meaning(model, attribute)} |")
    return "\n".join([*lines, ""])


def _meaning(model: type[ConfigModel], attribute: str) -> str:
    description = (model.model_fields[attribute].description or "").replace("|", "\\|")
    note = support_note(model, attribute)
    return f"{description} *{note}*" if note else description


def _default(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) or (isinstance(value, str) and value):
        return f"`{value}`"
    return ""


def _type(annotation: object) -> str:
    """A field's type in words."""
    for named, text in _NAMED_TYPES:
        if annotation == named:
            return text
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _type(next(part for part in arguments if part is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments if value != "")
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return "mapping" if arguments[1] is object else f"mapping to {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        name = title(annotation)
        return f"[{name}](#{name.lower()})"
    return str(annotation)
