"""How a plugin and the proxy that started it find each other (MOSN's plugin protocol, as hashicorp/go-plugin defined it).

The proxy sets ``MOSN_PLUGIN=ON``; the plugin answers with one line on its standard output that says where it listens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_COOKIE = "MOSN_PLUGIN"

BY_HAND = """\
This program is a plugin of a proxy: it is not meant to be run by hand.

Headgate starts it when its configuration names it:

    "plugins": [{{"name": "{name}", "command": ["{program}"]}}]

and a stream filter calls it:

    {{"type": "plugin", "config": {{"plugin": "{name}"}}}}

To try it without a proxy, give it one request; the answer is printed:

    {program} --once '{{"header": {{"user": "admin"}}, "body": "text"}}'
"""


def started_by_proxy(environment: Mapping[str, str]) -> bool:
    """Whether the cookie is there."""
    return environment.get(_COOKIE) == "ON"


def explain_by_hand(program: str) -> str:
    """What a person should know who starts a plugin by hand."""
    name = os.path.basename(program).removesuffix(".py") or "plugin"
    return BY_HAND.format(name=name, program=program or "plugin")


def announce(network: str, address: str) -> None:
    """Print the line, then give standard output away: whatever the plugin prints later goes to standard error, which is logged."""
    sys.stdout.write(f"1|1|{network}|{address}|grpc\n")
    sys.stdout.flush()
    os.dup2(2, 1)
