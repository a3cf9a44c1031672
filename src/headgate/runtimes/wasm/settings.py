"""What a VM and a plugin are made with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PluginSettings:
    """One plugin: a configuration of a module.

    :ivar name: in logs and properties (``plugin_name``)
    :ivar root_id: tells the module's plugins apart (``plugin_root_id``)
    :ivar configuration: what ``proxy_on_configure`` reads
    """

    name: str
    root_id: str = ""
    configuration: bytes = b""


@dataclass(frozen=True)
class VmSettings:
    """What a VM is made with.

    :ivar vm_id: what its shared data and queues go by
    :ivar configuration: what ``proxy_on_vm_start`` reads
    :ivar environment: variables that the guest sees
    :ivar memory_limit: bytes of linear memory
    :ivar time_limit: seconds for one call
    """

    vm_id: str = ""
    configuration: bytes = b""
    environment: tuple[tuple[str, str], ...] = ()
    memory_limit: int = 128 * 1024 * 1024
    time_limit: float = 0.5
