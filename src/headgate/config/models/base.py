"""What all configuration models share, and the value types that MOSN writes in its own way."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from headgate.config import durations, sizes

FROM_FILE: Final = "headgate-from-file"
"""Validation context of a configuration that a person wrote: there a bare number is not accepted as a duration."""


class ConfigModel(BaseModel):
    """One mapping of the configuration.

    Every attribute has a default, so that a model can always be built and all findings about it be told at once; that a key must
    be given is said by :attr:`required_keys`. Attribute names are MOSN's keys; a key that is no Python name has an alias.

    :cvar required_keys: keys that must be given and not be null
    :cvar own_keys: keys that Headgate adds to MOSN's
    :cvar key_aliases: older spelling of a key (lower case) -> key
    :cvar typed_configs: value of the key ``type`` -> model of the key ``config``, where we know it
    """

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True, allow_inf_nan=False)

    required_keys: ClassVar[frozenset[str]] = frozenset()
    own_keys: ClassVar[frozenset[str]] = frozenset()
    key_aliases: ClassVar[dict[str, str]] = {}
    typed_configs: ClassVar[dict[str, type[ConfigModel]]] = {}


ConfigsByType = dict[str, type[ConfigModel]]
"""For :attr:`ConfigModel.typed_configs` in models that have a key named ``type``, which hides the built-in."""


def _duration(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        try:
            return durations.parse_duration(value)
        except durations.DurationError as error:
            raise PydanticCustomError("duration", "{reason}", {"reason": str(error), "hint": error.hint}) from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if info.context != FROM_FILE:
            return value
        hint = f'write "{value}s" for seconds or "{value}ms" for milliseconds'
        raise PydanticCustomError("duration", "{reason}", {"reason": f"a duration needs a unit: {value}", "hint": hint})
    raise PydanticCustomError("duration", "{reason}", {"reason": "expected a duration", "hint": 'write it like "1s" or "150ms"'})


def _size(value: object) -> object:
    if isinstance(value, str):
        try:
            return sizes.parse_size(value)
        except sizes.SizeError as error:
            hint = 'write a number of bytes, or "64KiB", "1MiB"'
            raise PydanticCustomError("size", "{reason}", {"reason": str(error), "hint": hint}) from None
    return value


def _processor(value: object) -> object:
    if isinstance(value, str):
        if value.strip().lower() == "auto":
            return 0
        if value.strip().isdecimal() and len(value) < 10:
            return int(value)
        hint = 'write a number, or "auto" for one per core'
        raise PydanticCustomError("processor", "{reason}", {"reason": f"not a number of workers: {value!r}", "hint": hint})
    return value


def _original_dst(value: object) -> object:
    # Up to MOSN 0.19 the key was a switch; true meant what is called "redirect" now.
    if isinstance(value, bool):
        return "redirect" if value else ""
    return value


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(durations.format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": durations.PATTERN, "examples": ["1s", "150ms", "1m30s"]}),
]
"""Seconds on the model; a Go duration string in files and dumps."""

ByteSize = Annotated[
    int,
    BeforeValidator(_size),
    Field(ge=0),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": sizes.PATTERN}]}),
]
"""Bytes: a number, or a string with a unit (``"1MiB"``)."""

WorkerCount = Annotated[
    int,
    BeforeValidator(_processor),
    Field(ge=0, le=1024),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 1024}, {"type": "string", "pattern": "^([0-9]+|[aA][uU][tT][oO])$"}]}
    ),
]
"""A number of workers; 0 (also ``"auto"``) is one for each core."""

OriginalDestination = Annotated[
    str,
    BeforeValidator(_original_dst),
    Field(pattern="^(|tproxy|redirect)$"),
    WithJsonSchema({"anyOf": [{"enum": ["", "tproxy", "redirect"]}, {"type": "boolean"}]}),
]
"""How a listener finds the original destination of a redirected connection; an empty string: not at all."""

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the kernel choose."""

UInt32 = Annotated[int, Field(ge=0, le=(1 << 32) - 1)]
"""Go's uint32."""

FreeMapping = dict[str, object]
"""A mapping whose keys are not ours to know: case and content are left alone."""
