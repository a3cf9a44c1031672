"""A walk over all models of a configuration, with their paths. Only what the file gives is visited, not the defaults."""

from __future__ import annotations

from functools import cache

from headgate.config.keys import Kind, key_table
from headgate.config.models.base import ConfigModel


@cache
def _children(model: type[ConfigModel]) -> tuple[tuple[str, str, bool], ...]:
    """The attributes of a model that hold models: (attribute, key, whether it is a list)."""
    entries = key_table(model).entries
    children = []
    for attribute, field in model.model_fields.items():
        name = field.serialization_alias or attribute
        kind = entries[name.lower()].kind
        if kind in (Kind.MODEL, Kind.MODELS):
            children.append((attribute, name, kind is Kind.MODELS))
    return tuple(children)


def walk(model: ConfigModel, path: str) -> list[tuple[str, ConfigModel]]:
    """Every model in and below ``model``, each with its path, in the order of the models' keys.

    :param path: path of ``model`` itself; empty for the whole configuration
    """
    found: list[tuple[str, ConfigModel]] = []
    _collect(model, path, found)
    return found


def _collect(model: ConfigModel, path: str, found: list[tuple[str, ConfigModel]]) -> None:
    found.append((path, model))
    given = model.model_fields_set
    prefix = f"{path}." if path else ""
    for attribute, name, is_list in _children(type(model)):
        if attribute not in given:
            continue
        value = getattr(model, attribute)
        if value is None:
            continue
        if is_list:
            for i, item in enumerate(value):
                _collect(item, f"{prefix}{name}[{i}]", found)
        else:
            _collect(value, f"{prefix}{name}", found)
