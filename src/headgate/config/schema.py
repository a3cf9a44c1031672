"""JSON Schema (2020-12) of a configuration, for editors: completion, descriptions, checks while typing.

It accepts what the loader accepts: keys in any case, ``proxy`` filters with their own keys. What no schema can tell, such as a route
to a cluster that is not there, ``headgate check`` does.
"""

from __future__ import annotations

from typing import Final

from pydantic.json_schema import models_json_schema

from headgate.config.models import ConfigModel, HeadgateConfig, NetworkFilterConfig, ProxyConfig
from headgate.config.reference import all_models
from headgate.config.support_table import support_note

_REF: Final = "#/$defs/{}"


def json_schema() -> dict[str, object]:
    """The schema of a configuration file."""
    models = all_models()
    _, generated = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions = generated["$defs"]
    for model in models:
        _finish(definitions[model.__name__], model)
    definitions[NetworkFilterConfig.__name__]["allOf"].append(_proxy_config())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headgate configuration",
        "$ref": _REF.format(HeadgateConfig.__name__),
        "$defs": definitions,
    }


def _finish(definition: dict[str, object], model: type[ConfigModel]) -> None:
    """Add to a model's generated schema what pydantic does not know."""
    definition.pop("title", None)
    properties = definition["properties"]
    assert isinstance(properties, dict)
    defaults = model().model_dump(by_alias=True)
    for attribute, field in model.model_fields.items():
        name = field.serialization_alias or attribute
        schema = properties[name]
        schema.pop("title", None)
        schema.pop("default", None)
        if isinstance(defaults[name], str | int | float) and defaults[name] != "" and name not in model.required_keys:
            schema["default"] = defaults[name]
        description = field.description or ""
        if attribute in model.own_keys:
            description = f"{description} (Headgate's own key.)"
        schema["description"] = f"{description} {support_note(model, attribute)}".rstrip()
    spellings = {name: _any_case(name) for name in properties} | {old: _any_case(old) for old in model.key_aliases}
    targets = {name: name for name in properties} | model.key_aliases
    definition["patternProperties"] = {
        pattern: {"$ref": f"{_REF.format(model.__name__)}/properties/{targets[name]}"} for name, pattern in spellings.items()
    }
    definition["additionalProperties"] = False
    if model.required_keys:
        definition["allOf"] = [_required(name, spellings[name]) for name in sorted(model.required_keys)]


def _any_case(name: str) -> str:
    return "^" + "".join(f"[{char.lower()}{char.upper()}]" if char.isalpha() else char for char in name) + "$"


def _required(name: str, pattern: str) -> dict[str, object]:
    """The key is there, in any case. The plain form comes first, because editors understand it."""
    return {"anyOf": [{"required": [name]}, {"not": {"propertyNames": {"not": {"pattern": pattern}}}}]}


def _proxy_config() -> dict[str, object]:
    """A network filter of type ``proxy`` has the keys of ``ProxyConfig``."""
    return {
        "if": {"properties": {"type": {"const": "proxy"}}, "required": ["type"]},
        "then": {"properties": {"config": {"$ref": _REF.format(ProxyConfig.__name__)}}},
    }
