"""What a filter host has: asked in a thread, before any request goes there."""

from __future__ import annotations

import socket
from typing import Final

from headgate.runtimes.process.isolation_endpoint import HostAddress
from headgate.runtimes.process.isolation_messages import Frames, Hello, Welcome, decode_from_host, encode

GREETING_TIMEOUT: Final = 30.0
"""Seconds that the create function may take."""


def greet(address: HostAddress, greeting: Hello) -> Welcome:
    """Ask a filter host what it has. Not in the loop.

    :raises OSError: if it does not answer
    :raises FrameError: if its answer is none
    """
    with socket.socket(socket.AF_UNIX) if address.network == "unix" else socket.socket() as connection:
        connection.settimeout(GREETING_TIMEOUT)
        if address.network == "unix":
            connection.connect(address.address)
        else:
            host, _, port = address.address.rpartition(":")
            connection.connect((host, int(port)))
        connection.sendall(encode(greeting, greeting.largest))
        frames = Frames(greeting.largest)
        while True:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("it closed the connection")
            for frame in frames.feed(data):
                message = decode_from_host(frame)
                if isinstance(message, Welcome):
                    return message
