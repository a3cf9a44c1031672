"""What supervisor and worker say to each other over the control channel.

========== ===================================================== =======================================================
command    beside the ``id`` of the call                         the worker
========== ===================================================== =======================================================
prepare    ``generation``, ``folder`` of the configuration file,  builds everything anew from it, in a thread
           ``programs``: fingerprints by plugin, ``in_force``;
           one descriptor: the configuration
sockets    ``sockets``: numbers; as many descriptors             keeps listening sockets for a later ``commit`` or ``serve``
commit     ``generation``, ``serve``: [number, listener] pairs   swaps to what it prepared and accepts on exactly these sockets
abort      ``generation``                                        drops what it prepared
serve      ``serve``                                             accepts on exactly these sockets: how sockets are lent and taken back
drain      ``timeout``: seconds                                  stops accepting, ends what is under way, answers, exits
ping                                                             answers: its event loop turns
plugins    ``plugins``: the state of each                        keeps connections to their processes (:mod:`.plugin_state`)
stats                                                            answers with ``groups``
set_aside  ``listener``, ``filter``, ``seconds``                puts a stream filter in quarantine
log_level  ``path``, ``level``                                   sets the level of a log
log_on     ``path``, ``enabled``                                 switches a log off or on
reopen                                                           opens its log files again
========== ===================================================== =======================================================

Unasked, a worker says ``{"event": "started"}`` when its loop turns, and ``{"event": "leaving"}`` when it was sent SIGTERM: it then waits
for ``drain``. While it builds, it says ``need_plugin`` with ``generation`` and ``definition`` for a plugin that no configuration declares;
``plugin_idle`` with ``instance`` when it has done with a process that is to go.

Every command is a call: the answer carries its ``id``, ``ok``, and what is said above, or ``errors``: the findings that led to a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected, NotSupportedYet
from headgate.server.channel import Message

PREPARE: Final = "prepare"
SOCKETS: Final = "sockets"
COMMIT: Final = "commit"
ABORT: Final = "abort"
SERVE: Final = "serve"
DRAIN: Final = "drain"
PLUGINS: Final = "plugins"
PING: Final = "ping"
STATS: Final = "stats"
SET_ASIDE: Final = "set_aside"
LOG_LEVEL: Final = "log_level"
LOG_ON: Final = "log_on"
REOPEN: Final = "reopen"

STARTED: Final = "started"
LEAVING: Final = "leaving"
NEED_PLUGIN: Final = "need_plugin"
PLUGIN_IDLE: Final = "plugin_idle"


def findings_to_wire(errors: Iterable[ConfigError]) -> list[object]:
    """Findings as JSON can carry them."""
    return [
        {"path": error.path, "message": error.message, "hint": error.hint, "unsupported": isinstance(error, NotSupportedYet)}
        for error in errors
    ]


def findings_from_wire(items: object) -> ConfigRejected:
    """The findings as they were; an answer without any is one by itself."""
    errors: list[ConfigError] = []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            kind = NotSupportedYet if item.get("unsupported") else ConfigError
            errors.append(kind(str(item.get("path", "")), str(item.get("message", "")), str(item.get("hint", ""))))
    return ConfigRejected(errors or [ConfigError("", "a worker refused the configuration without saying why")])


def unique_findings(rejections: Sequence[ConfigRejected]) -> ConfigRejected:
    """The findings of several workers, each once, in order."""
    seen: dict[str, ConfigError] = {}
    for rejection in rejections:
        for error in rejection.errors:
            seen.setdefault(error.render(), error)
    return ConfigRejected(list(seen.values()))


def text(message: Message, key: str) -> str:
    """A string of a message.

    :raises ValueError: if it is missing or no string: a fault of the peer
    """
    value = message.get(key)
    if not isinstance(value, str):
        raise ValueError(f"control message without {key!r}: {message!r}")
    return value


def number(message: Message, key: str) -> int:
    """An integer of a message.

    :raises ValueError: if it is missing or no integer: a fault of the peer
    """
    value = message.get(key)
    if not isinstance(value, int):
        raise ValueError(f"control message without {key!r}: {message!r}")
    return value


def numbers(message: Message, key: str) -> list[int]:
    """A list of integers of a message.

    :raises ValueError: if it is missing: a fault of the peer
    """
    value = message.get(key)
    if not isinstance(value, list):
        raise ValueError(f"control message without {key!r}: {message!r}")
    return [int(item) for item in value]


def texts(message: Message, key: str) -> dict[str, str]:
    """Strings by name of a message.

    :raises ValueError: if they are missing: a fault of the peer
    """
    value = message.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"control message without {key!r}: {message!r}")
    return {str(name): str(item) for name, item in value.items()}


def serve_pairs(message: Message) -> list[tuple[int, str]]:
    """The sockets, by number, and listeners of a ``commit`` or ``serve``.

    :raises ValueError: if they are missing: a fault of the peer
    """
    value = message.get("serve")
    if not isinstance(value, list):
        raise ValueError(f"control message without 'serve': {message!r}")
    return [(int(pair[0]), str(pair[1])) for pair in value]
