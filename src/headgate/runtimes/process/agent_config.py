"""The configuration of the generic agent (``type: plugin``), and the conventions of MOSN's two demos as presets.

A preset gives every key that is not written another default; what is written counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Part = Literal["headers", "body", "trailers"]
PhaseName = Literal["BEFORE_ROUTE", "AFTER_ROUTE", "AFTER_CHOOSE_HOST", "BEFORE_SEND"]
AttributeName = Literal[
    "method",
    "path",
    "authority",
    "scheme",
    "status",
    "peer-address",
    "local-address",
    "server-name",
    "listener",
    "route",
    "virtual-host",
    "cluster",
    "host",
    "phase",
    "stream-id",
]

PRESETS: Final[Mapping[str, Mapping[str, object]]] = {
    "checker": {"plugin": "checker", "send": ["headers"], "answer": {"headers": False, "trailers": False, "body": False}},
    "pluginfilter": {
        "plugin": "pluginfilter",
        "send": ["headers", "body", "trailers"],
        "answer": {"reject": {"statuses": []}, "headers": True, "trailers": True, "body": True},
    },
}
"""``checker``: MOSN's ``demo_plugin``, an answer of -1 rejects with 403. ``pluginfilter``: MOSN's filter of that name, the answer edits."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class HeaderChoice(_Model):
    """Which header fields are sent: names in any case, or beginnings with a ``*`` behind them."""

    include: list[str] = Field(default_factory=list, description="Only these; empty: all.")
    exclude: list[str] = Field(default_factory=list, description="None of these.")


class RejectConfig(_Model):
    """Which answers reject the request (before it is sent upstream) or the response (in `BEFORE_SEND`), and with what reply."""

    statuses: list[int] = Field(default=[-1], description="Answers with one of these reject.")
    unless: list[int] | None = Field(default=None, description="Every answer rejects, unless it has one of these statuses.")
    reply_status: int = Field(default=403, description="Status of the reply; 0: the answer's, where it is 200 to 599, else 403.")
    headers: dict[str, str] = Field(default_factory=dict, description="Header fields of the reply.")
    body: str = Field(default="", description="Body of the reply.")
    answer_headers: bool = Field(default=False, description="The answer's header map goes into the reply.")
    answer_body: bool = Field(default=False, description="The answer's body, if there is one, is the reply's.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.reply_status != 0 and not 200 <= self.reply_status <= 599:
            raise ValueError(f"a reply's status is 200 to 599, or 0 for the answer's own, not {self.reply_status}")
        return self

    def rejects(self, status: int) -> bool:
        """Whether an answer with this status rejects."""
        return status in self.statuses or (self.unless is not None and status not in self.unless)


class AnswerConfig(_Model):
    """How the plugin's answer is read."""

    reject: RejectConfig = Field(default_factory=RejectConfig, description="Which answers reject.")
    headers: bool = Field(default=True, description="Its header map edits the message: an empty value deletes a field, another sets it.")
    trailers: bool | None = Field(default=None, description="Likewise for trailers; null: if they are sent.")
    body: bool | None = Field(default=None, description="A body that is not empty replaces the message's; null: if the body is sent.")


class AgentConfig(_Model):
    """A stream filter that a process serves."""

    plugin: str = Field(default="", description="Name of the plugin.")
    args: list[str] = Field(default_factory=list, description="Its arguments, where the top-level `plugins` do not define it.")
    preset: Literal["", "checker", "pluginfilter"] = Field(default="", description="Defaults for all keys that are not given.")
    phases: list[PhaseName] = Field(default=["BEFORE_ROUTE"], min_length=1, description="When it is asked.")
    send: list[Part] = Field(default=["headers"], description="What it is sent of the message.")
    header_choice: HeaderChoice = Field(default_factory=HeaderChoice, description="Which header fields it is sent.")
    header_names: Literal["canonical", "lower"] = Field(
        default="canonical", description="How their names are written: `Content-Type`, as MOSN's plugins expect, or `content-type`."
    )
    attributes: list[AttributeName] = Field(default_factory=list, description="What else it is sent, as header entries `:name`.")
    request_type: str = Field(default="", description="The `type` of the call.")
    answer: AnswerConfig = Field(default_factory=AnswerConfig, description="How its answer is read.")

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        preset = PRESETS.get(str(given.get("preset", cls.model_fields["preset"].default)))
        return given if preset is None else _over(preset, given)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.plugin:
            raise ValueError("'plugin', the name of the plugin, is missing")
        if len(set(self.phases)) != len(self.phases):
            raise ValueError("'phases' names one twice")
        return self

    @property
    def edits_trailers(self) -> bool:
        """The answer's trailers edit the message's."""
        return "trailers" in self.send if self.answer.trailers is None else self.answer.trailers

    @property
    def edits_body(self) -> bool:
        """The answer's body replaces the message's."""
        return "body" in self.send if self.answer.body is None else self.answer.body

    @property
    def needs_whole(self) -> bool:
        """The message has to be complete before the plugin is asked."""
        return "body" in self.send or "trailers" in self.send or self.edits_body or self.edits_trailers


class PluginFilterConfig(AgentConfig):
    """The same, where MOSN's filter of that name is meant."""

    preset: Literal["", "checker", "pluginfilter"] = Field(default="pluginfilter", description="Defaults for all keys that are not given.")


def _over(base: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    merged = dict(base)
    for key, value in given.items():
        below = base.get(key)
        merged[key] = _over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
