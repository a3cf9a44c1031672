"""Which sockets of an ``SO_REUSEPORT`` group the kernel gives new connections to.

The kernel spreads connections over all sockets that listen on one address. A socket that is closed resets what it was given between its
last ``accept`` and its close, so a worker that is not needed any more would cost a few clients their connection. Therefore the group gets
a filter program that chooses among the first sockets only; nothing new comes to the others then, and they can be closed at leisure.
"""

from __future__ import annotations

import ctypes
import logging
import socket
import struct
from typing import Final

_LOG: Final = logging.getLogger("headgate.server")

_SO_ATTACH_REUSEPORT_CBPF: Final = 51
"""``asm-generic/socket.h``; Python's ``socket`` does not name it."""

_INSTRUCTION: Final = struct.Struct("=HBBI")
"""``struct sock_filter``: code, two jumps, operand."""

_PROGRAM: Final = struct.Struct("@HP")
"""``struct sock_fprog``: number of instructions, and where they are."""

_LOAD_WORD: Final = 0x20
_MODULO: Final = 0x94
_RETURN: Final = 0x16
_RANDOM_NUMBER: Final = 0xFFFFF038
"""``SKF_AD_OFF + SKF_AD_RANDOM``: the kernel's random number in place of a word of the packet."""


def choose_among_first(sock: socket.socket, count: int) -> None:
    """Have the kernel give new connections to the first sockets of a group, in the order in which they began to listen, and to no others.

    Where the kernel cannot (before Linux 4.5, other systems) everything stays as it was, and a line in the log says so.

    :param sock: any socket of the group
    :param count: how many of its sockets get connections
    """
    instructions = ((_LOAD_WORD, _RANDOM_NUMBER), (_MODULO, count), (_RETURN, 0))
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(opcode, 0, 0, operand) for opcode, operand in instructions))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, _PROGRAM.pack(len(instructions), ctypes.addressof(code)))
    except OSError as error:
        _LOG.debug("the kernel does not let us choose who gets connections: %s", error)
