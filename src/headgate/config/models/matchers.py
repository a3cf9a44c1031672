"""Conditions on requests that several parts of the configuration share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from headgate.config.models.base import ConfigModel


class HeaderMatchConfig(ConfigModel):
    """A condition on one header; the name ``method`` means the HTTP method."""

    required_keys: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str = Field(default="", description="Name of the header, in any case.")
    value: str = Field(default="", description="What its value must be, or the regular expression that must be found in it.")
    regex: bool = Field(default=False, description="Whether `value` is a regular expression.")
