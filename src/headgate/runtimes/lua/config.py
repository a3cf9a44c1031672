"""The configuration of a ``lua`` entry, and of a route's part in it: Headgate's own keys and Envoy's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headgate.config.models.base import ByteSize, Duration, FreeMapping


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LuaSource(_Model):
    """A script in Envoy's terms (``DataSource``)."""

    inline_string: str = Field(default="", description="The script itself.")
    filename: str = Field(default="", description="File that holds it.")


class LuaConfig(_Model):
    """What the entry's ``config`` holds. A route's configuration for the entry stands over it key by key."""

    source: str = Field(default="", description="The script itself.")
    path: str = Field(default="", description="File that holds it.")
    inline_code: str = Field(default="", description="Envoy's older key for `source`.")
    default_source_code: LuaSource | None = Field(default=None, description="Envoy's key for `source` or `path`.")
    source_codes: dict[str, LuaSource] = Field(default_factory=dict, description="More scripts, which routes choose by `name`.")
    disabled: bool = Field(default=False, description="For routes: no script.")
    name: str = Field(default="", description="For routes: a script of `source_codes`.")
    source_code: LuaSource | None = Field(default=None, description="For routes: a script of their own.")
    filter_context: FreeMapping = Field(default_factory=dict, description="What `filterContext()` gives.")
    clear_route_cache: bool = Field(default=True, description="Match the route again when a script changed the request's headers.")
    memory_limit: ByteSize = Field(default=16 << 20, description="Memory of all scripts of the entry in one worker.")
    instruction_budget: int = Field(default=1_000_000, ge=1000, description="Instructions that one handler may execute.")
    cpu_time: Duration = Field(default=0.1, description="CPU time that one handler may use.")
    max_response: ByteSize = Field(default=1 << 20, description="Largest answer to `httpCall`.")


@dataclass(frozen=True)
class LuaScript:
    """A script as it is loaded.

    :ivar name: what error messages call it: its path, or where it stands in the configuration
    """

    source: bytes
    name: str


def choose_script(config: LuaConfig, place: str) -> LuaScript | None:
    """The script that a configuration means; None if it means none (``disabled``, or only ``source_codes``).

    :param place: name of an inline script
    :raises ValueError: for contradictions, an unknown ``name``, or a file that cannot be read
    """
    if config.disabled:
        return None
    if config.source_code is not None:
        return _read(config.source_code, place)
    if config.name:
        found = config.source_codes.get(config.name)
        if found is None:
            raise ValueError(f"no script named {config.name!r} in source_codes")
        return _read(found, config.name)
    given = [key for key in ("source", "path", "inline_code", "default_source_code") if getattr(config, key)]
    if len(given) > 1:
        raise ValueError(f"only one of {' and '.join(given)} can be given")
    if config.path:
        return _file(config.path)
    if config.default_source_code is not None:
        return _read(config.default_source_code, place)
    text = config.source or config.inline_code
    if text:
        return LuaScript(text.encode(), place)
    if config.source_codes:
        return None
    raise ValueError("no script: give 'source' or 'path'")


def _read(source: LuaSource, place: str) -> LuaScript:
    if bool(source.inline_string) == bool(source.filename):
        raise ValueError(f"{place}: give either inline_string or filename")
    if source.filename:
        return _file(source.filename)
    return LuaScript(source.inline_string.encode(), place)


def _file(path: str) -> LuaScript:
    try:
        return LuaScript(Path(path).read_bytes(), path)
    except OSError as error:
        raise ValueError(f"script {path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"script {path!r} cannot be read: {error}") from None
