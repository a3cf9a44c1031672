"""Configuration of the stream filters ``wasm`` (Envoy's shape, and a short form) and ``proxywasm`` (MOSN's)."""

from __future__ import annotations

import base64
import json
from struct import pack
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from headgate.config.sizes import parse_size
from headgate.runtimes.wasm.settings import PluginSettings, VmSettings

_TYPES = "type.googleapis.com/google.protobuf."
BodyMode = Literal["buffer", "stream", "none"]


def _configuration(value: object) -> bytes:
    """Text as it is; Envoy's ``Any`` of a StringValue, BytesValue or Struct unwrapped; any other mapping as JSON."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and "@type" in value:
        inner = value.get("value")
        if value["@type"] == f"{_TYPES}StringValue" and isinstance(inner, str):
            return inner.encode()
        if value["@type"] == f"{_TYPES}BytesValue" and isinstance(inner, str):
            return base64.b64decode(inner)
        if value["@type"] == f"{_TYPES}Struct":
            return json.dumps(inner).encode()
        raise ValueError(f"@type is StringValue, BytesValue or Struct, not {value['@type']}")
    return json.dumps(value).encode()


Configuration = Annotated[bytes, BeforeValidator(_configuration)]
Size = Annotated[int, BeforeValidator(lambda value: parse_size(value) if isinstance(value, str) else value)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalFile(_Model):
    """A file on this machine."""

    filename: str


class Code(_Model):
    """Where a module is."""

    local: LocalFile | None = None
    remote: dict[str, object] | None = None

    @model_validator(mode="after")
    def _is_local(self) -> Code:
        if self.remote is not None:
            raise ValueError("modules are not fetched from remote places: put the file on this machine and name it as code.local.filename")
        if self.local is None:
            raise ValueError("code.local.filename is missing")
        return self


class Environment(_Model):
    """Variables that the guest sees."""

    key_values: dict[str, str] = Field(default_factory=dict)
    host_env_keys: list[str] = Field(default_factory=list)


class VmConfig(_Model):
    """Envoy's ``vm_config``."""

    vm_id: str = ""
    runtime: str = ""
    """Taken and ignored: there is one runtime."""
    code: Code
    configuration: Configuration = b""
    allow_precompiled: bool = False
    nack_on_code_cache_miss: bool = False
    environment_variables: Environment = Environment()


class Limits(_Model):
    """What both shapes have beside their own keys."""

    phase: Literal["before_route", "after_route"] = "before_route"
    request_body: BodyMode = "stream"
    response_body: BodyMode = "stream"
    memory_limit: Size = Field(default=128 * 1024 * 1024, ge=65536, le=1 << 32)
    call_timeout: float = Field(default=0.5, gt=0.0, le=60.0)
    disabled: bool = False
    """For routes: the filter does nothing there."""


class WasmConfig(Limits):
    """The ``config`` of an entry of type ``wasm``."""

    path: str = ""
    sha256: str = ""
    configuration: Configuration = b""
    name: str = ""
    root_id: str = ""
    vm_config: VmConfig | None = None
    fail_open: bool = False
    failure_policy: Literal["", "UNSPECIFIED", "FAIL_OPEN", "FAIL_CLOSED", "FAIL_RELOAD"] = ""

    @model_validator(mode="after")
    def _one_place(self) -> WasmConfig:
        if bool(self.path) == (self.vm_config is not None):
            raise ValueError("give the module's file as path, or vm_config, and not both")
        return self

    def file(self) -> str:
        """Path of the module."""
        if self.vm_config is None:
            return self.path
        assert self.vm_config.code.local is not None
        return self.vm_config.code.local.filename

    def opens(self) -> bool:
        """A failure of the guest lets the request pass."""
        return self.fail_open or self.failure_policy == "FAIL_OPEN"

    def plugin(self, entry: str) -> PluginSettings:
        """The plugin that is configured."""
        return PluginSettings(self.name or entry, self.root_id, self.configuration)

    def vm(self, environ: dict[str, str]) -> VmSettings:
        """The VM that is configured.

        :param environ: the proxy's own environment, for ``host_env_keys``
        """
        found = self.vm_config
        if found is None:
            return VmSettings("", b"", (), self.memory_limit, self.call_timeout)
        variables = {name: environ[name] for name in found.environment_variables.host_env_keys if name in environ}
        variables.update(found.environment_variables.key_values)
        return VmSettings(found.vm_id, found.configuration, tuple(variables.items()), self.memory_limit, self.call_timeout)


class MosnVm(_Model):
    """MOSN's ``vm_config``."""

    engine: Literal["", "wasmer", "wazero", "wasmtime"] = ""
    """Taken and ignored: there is one engine."""
    path: str = ""
    url: str = ""
    md5: str = ""
    cpu: int = 0
    mem: int = 0

    @model_validator(mode="after")
    def _is_local(self) -> MosnVm:
        if self.url:
            raise ValueError("modules are not fetched from a url (MOSN does not either): put the file on this machine and name it as path")
        if not self.path:
            raise ValueError("path is missing")
        return self


class MosnConfig(Limits):
    """The ``config`` of an entry of type ``proxywasm``. Every other key with a text is the plugin's configuration."""

    model_config = ConfigDict(extra="allow", frozen=True)

    from_wasm_plugin: str = ""
    vm_config: MosnVm | None = None
    instance_num: int = 0
    """Taken and ignored: each worker has one instance."""
    root_context_id: int = 1
    """Taken and ignored: the host chooses the numbers of contexts."""

    @model_validator(mode="after")
    def _has_module(self) -> MosnConfig:
        if self.vm_config is None:
            if self.from_wasm_plugin:
                raise ValueError(f"wasm_global_plugins has no plugin {self.from_wasm_plugin!r}")
            raise ValueError("give vm_config, or from_wasm_plugin")
        others = [key for key, value in (self.model_extra or {}).items() if not isinstance(value, str)]
        if others:
            raise ValueError(f"the plugin's configuration is text: {', '.join(others)}")
        return self

    def plugin(self, entry: str) -> PluginSettings:
        """The plugin that is configured: its keys as a header map, as MOSN lays it out (with NUL where MOSN writes the digit 0)."""
        pairs = [(key.encode(), str(value).encode()) for key, value in (self.model_extra or {}).items()]
        numbers = [len(pairs), *(len(part) for pair in pairs for part in pair)]
        data = pack(f"<{len(numbers)}I", *numbers) + b"".join(part + b"\0" for pair in pairs for part in pair) if pairs else b""
        return PluginSettings(self.from_wasm_plugin or entry, "", data)

    def vm(self) -> VmSettings:
        """The VM that is configured."""
        return VmSettings(self.from_wasm_plugin, b"", (), self.memory_limit, self.call_timeout)
