"""A configuration on its way into force: read, checked, with its sockets open and its text at hand for the workers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.config import LoadedConfig, load
from headgate.config.addresses import AddressError, SocketAddress, parse_tcp_address, parse_unix_address
from headgate.config.models import AdminConfig, HeadgateConfig
from headgate.config.wire import to_wire
from headgate.observe.log_file import open_log
from headgate.server.config_handover import store_config
from headgate.server.sockets import ListenSpec, SocketSet

ADMIN_PATH: Final = "admin.address.socket_address"


@dataclass(frozen=True)
class StartSettings:
    """What the command line says beside the configuration file.

    :ivar config_path: the configuration file
    :ivar workers: number of workers in place of the file's ``processor``; 0: the file's
    :ivar log_level: in place of the file's ``default_log_level``; empty: the file's
    :ivar lenient: unknown keys are warnings
    :ivar extensions: more entries for ``extensions``: module names and absolute paths
    :ivar ready_file: file to write once all workers serve
    :ivar watch: reload as soon as a file of the configuration changes
    """

    config_path: Path
    workers: int = 0
    log_level: str = ""
    lenient: bool = False
    extensions: tuple[str, ...] = field(default=())
    ready_file: Path | None = None
    watch: bool = False


def load_config(settings: StartSettings) -> LoadedConfig:
    """Read and check the configuration file, and apply the command line to it.

    :raises ConfigRejected: with every finding
    """
    loaded = load(settings.config_path, lenient=settings.lenient)
    apply_settings(loaded.config, settings)
    return loaded


def apply_settings(config: HeadgateConfig, settings: StartSettings) -> None:
    """Apply the command line to a configuration that was just loaded, and see that its log can be written.

    :raises ConfigRejected: if the log cannot be written
    """
    server = config.servers[0]
    config.extensions = [*config.extensions, *(entry for entry in settings.extensions if entry not in config.extensions)]
    if settings.workers:
        server.processor = settings.workers
    if settings.log_level:
        server.default_log_level = settings.log_level
    try:
        open_log(server.default_log_path, "servers[0].default_log_path").close()
    except ConfigError as error:
        raise ConfigRejected([error]) from None


def worker_count(config: HeadgateConfig) -> int:
    """The number of workers: as configured, or one for each core that this process may use."""
    return config.servers[0].processor or len(os.sched_getaffinity(0))


def listen_specs(config: HeadgateConfig) -> list[ListenSpec]:
    """What to listen on.

    :raises ConfigRejected: for an address that cannot be listened on
    """
    specs: list[ListenSpec] = []
    errors: list[ConfigError] = []
    for position, listener in enumerate(config.servers[0].listeners):
        if not listener.bind_port:
            continue
        path = f"servers[0].listeners[{position}].address"
        try:
            parse = parse_unix_address if listener.network == "unix" else parse_tcp_address
            specs.append(ListenSpec(listener.name or listener.address, parse(listener.address), path))
        except AddressError as error:
            errors.append(ConfigError(path, str(error), error.hint))
    if errors:
        raise ConfigRejected(errors)
    return specs


def admin_address(admin: AdminConfig | None) -> SocketAddress | None:
    """Where the admin server listens; None if there is none."""
    if admin is None:
        return None
    address = admin.address.socket_address
    return SocketAddress(address.address, address.port_value, "")


class Deployment:
    """One configuration with what the workers need of it.

    :ivar generation: its number, from 1
    :ivar config: the configuration
    :ivar sockets: its listening sockets
    :ivar slots: its number of workers
    :ivar config_fd: descriptor of its text
    :ivar folder: where its file lies: what relative paths are relative to
    :ivar programs: fingerprints of its plugins' programs by name: every worker, also one that is started later, means the same programs
    """

    def __init__(self, generation: int, config: HeadgateConfig, sockets: SocketSet, folder: Path = Path("/")) -> None:
        self.generation = generation
        self.config = config
        self.sockets = sockets
        self.folder = folder
        self.programs: dict[str, str] = {}
        self.slots = worker_count(config)
        self.config_fd = store_config(to_wire(config))

    @property
    def graceful_timeout(self) -> float:
        """Seconds that requests under way get when something stops."""
        return self.config.servers[0].graceful_timeout

    @property
    def kill_after(self) -> float:
        """Seconds after which a worker that does not answer is replaced; 0: never."""
        return self.config.watchdog.kill_after

    def close(self) -> None:
        """Let go of the text; the sockets are looked after apart."""
        os.close(self.config_fd)
