"""Everything of ``runtimes/`` that registers something, imported: whoever imports this module knows all that ships.

A runtime adds one line here. What costs a library to import (Lua, WASM) registers a create function that imports it when it is called.
"""

from __future__ import annotations

import headgate.runtimes.lua.factory
import headgate.runtimes.module.factory
import headgate.runtimes.native.factory
import headgate.runtimes.process.agent
import headgate.runtimes.process.certificate_loader
import headgate.runtimes.process.isolation
import headgate.runtimes.wasm.registration  # noqa: F401
