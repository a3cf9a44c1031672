"""``loader``: certificates, keys and CA certificates from a plugin, a process of its own (the article's first plugin demo).

The plugin answers an empty request with a JSON body ``{"cert_pem": ..., "key_pem": ..., "ca_pem": ...}``; ``ca_pem`` may be missing. It is
asked when the context is built, then every ``refresh_interval``, and as soon as its last answer wished: by the header
``refresh-after`` or the JSON key ``refresh_after``, in seconds. When it fails, what it gave last goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from headgate.api.certificates import CertificatePair, CertificateProvider, CertificateUnavailable, TlsSettings, certificate_provider
from headgate.api.errors import ConfigError
from headgate.api.plugin import PluginError, plugin_host, register_plugin
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.config.durations import DurationError, parse_duration

RETRY_AFTER: Final = 5.0
"""Seconds to the next attempt after a failed one, unless the usual interval is shorter."""
_SHORTEST: Final = 0.1
"""Seconds; a plugin that wants to be asked at once for ever is not."""


class LoaderConfig(BaseModel):
    """``extend_verify`` of ``loader``.

    :ivar plugin: name of the plugin
    :ivar args: its arguments, if it is not defined under ``plugins``
    :ivar timeout: seconds for one answer (a Go duration in the file)
    :ivar refresh_interval: seconds between two questions; 0: only when the plugin wishes (a Go duration in the file)
    """

    model_config = ConfigDict(extra="forbid")

    plugin: str = Field(default="loader", min_length=1)
    args: list[str] = Field(default_factory=list)
    timeout: float = Field(default=1.0, gt=0)
    refresh_interval: float = Field(default=0.0, ge=0)

    @field_validator("timeout", "refresh_interval", mode="before")
    @classmethod
    def _duration(cls, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError('a duration is a text such as "1s"')
        try:
            return parse_duration(value)
        except DurationError as error:
            raise ValueError(str(error)) from None


class LoaderAnswer(BaseModel):
    """The JSON body of the plugin's answer."""

    model_config = ConfigDict(extra="ignore")

    cert_pem: str = Field(default="", repr=False)
    key_pem: str = Field(default="", repr=False)
    ca_pem: str = Field(default="", repr=False)
    refresh_after: float = Field(default=0.0, ge=0)


@certificate_provider("loader", config=LoaderConfig)
class CertificateLoader(CertificateProvider):
    """Asks the plugin."""

    config: LoaderConfig

    def __init__(self, settings: TlsSettings, config: LoaderConfig) -> None:
        super().__init__(settings, config)
        self._online = plugin_host().online
        self._client = register_plugin(config.plugin, args=config.args)
        self._answer: LoaderAnswer | None = None
        self._failed = False

    def certificates(self) -> Sequence[CertificatePair]:
        """The plugin's certificate.

        :raises ConfigError: if the plugin has none to give
        """
        answer = self._present()
        return [CertificatePair(answer.cert_pem, answer.key_pem)] if answer.cert_pem else []

    def ca_pool(self) -> str:
        """The plugin's CA certificates, or else those of the configuration."""
        return self._present().ca_pem or self.settings.ca_pem

    @property
    def deferred(self) -> bool:
        """``headgate check`` starts no plugins."""
        return not self._online

    def refresh_after(self) -> float:
        """The shorter of the interval and what the plugin wished; sooner after a failure, and in any case if it has given nothing yet
        (a listener with ``fall_back`` speaks plain text for as long)."""
        wished = self._answer.refresh_after if self._answer is not None else 0.0
        times = [max(time, _SHORTEST) for time in (self.config.refresh_interval, wished) if time > 0.0]
        if self._answer is None:
            return min([*times, RETRY_AFTER])
        if not times:
            return 0.0
        return min([*times, RETRY_AFTER]) if self._failed else min(times)

    async def refresh(self) -> None:
        """Ask again.

        :raises CertificateUnavailable: if there is no usable answer
        """
        self._failed = True
        try:
            response = await self._client.call(PluginRequest(), self.config.timeout)
        except PluginError as error:
            raise CertificateUnavailable(f"plugin {self.config.plugin!r}: {error.kind}: {error}") from error
        self._answer = _read(response, self.config.plugin, self.settings.server_side)
        self._failed = False

    def _present(self) -> LoaderAnswer:
        """What the plugin gave last; asked for at first."""
        if self._answer is None:
            path = f"{self.settings.config_path}.type"
            try:
                response = self._client.call_from_build(PluginRequest(), self.config.timeout)
                self._answer = _read(response, self.config.plugin, self.settings.server_side)
            except PluginError as error:
                message = f"no certificate from plugin {self.config.plugin!r}: {error.kind}: {error}"
                raise ConfigError(path, message, "its output is in the log") from error
            except CertificateUnavailable as error:
                raise ConfigError(path, str(error)) from None
        return self._answer


def _read(response: PluginResponse, plugin: str, server_side: bool) -> LoaderAnswer:
    """The answer. No message quotes it: it holds a key.

    :raises CertificateUnavailable: if it is none
    """
    try:
        answer = LoaderAnswer.model_validate(json.loads(response.body))
    except ValidationError as error:
        keys = ", ".join(str(part) for item in error.errors() for part in item["loc"]) or "the whole"
        raise CertificateUnavailable(f"plugin {plugin!r} answered with unusable JSON: {keys}") from None
    except ValueError:
        raise CertificateUnavailable(f"plugin {plugin!r} answered with something that is not JSON ({len(response.body)} bytes)") from None
    if server_side and not (answer.cert_pem and answer.key_pem):
        raise CertificateUnavailable(f"plugin {plugin!r} answered without cert_pem and key_pem")
    wished = response.header.get("refresh-after", "")
    if wished:
        try:
            answer.refresh_after = max(0.0, float(wished))
        except ValueError:
            raise CertificateUnavailable(f"plugin {plugin!r} answered with a refresh-after that is no number") from None
    return answer
