"""What a plugin's program consists of, as far as its command line tells: when a file of it has changed, a reload replaces the plugin."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from headgate.api.plugin import PluginDefinition

_INTERPRETER: Final = re.compile(
    r"(env|sh|ash|bash|dash|ksh|zsh|python|pypy|ruby|jruby|perl|php|lua|luajit|node|nodejs|deno|bun|java|dotnet|mono|Rscript|tclsh|guile)[0-9.]*"
)
"""Programs whose arguments name the program proper."""


def program_fingerprint(definition: PluginDefinition) -> str:
    """A short text that is another one when a file of a plugin's program is. A file is looked at, not read: device, inode, size and time
    of its last change.

    :param definition: with its program found and its directory absolute
    """
    digest = hashlib.sha256()
    for path in program_files((*definition.command, *definition.args), definition.cwd):
        digest.update(f"{path}\0{_looks(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def program_files(command: Sequence[str], folder: str | Path) -> Iterator[str]:
    """The files that a program consists of: the executable, and for an interpreter the first argument that is a file. What comes behind
    that is the program's own, and may be a file that it writes.

    :param command: program and arguments
    :param folder: where paths begin
    """
    if not command:
        return
    yield os.path.join(folder, command[0])
    if _INTERPRETER.fullmatch(os.path.basename(command[0])):
        for argument in command[1:]:
            path = os.path.join(folder, argument)
            if not argument.startswith("-") and os.path.isfile(path):
                yield path
                return


def _looks(path: str) -> str:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return "missing"
    if not stat.S_ISREG(found.st_mode):
        return "no file"
    return f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns}"
