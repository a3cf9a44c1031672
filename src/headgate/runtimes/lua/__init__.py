"""Stream filters in Lua: LuaJIT through lupa, with the surface of Envoy's Lua filter.

``config``: the entry's keys and the scripts they name. ``state``: one Lua state, its limits, its scripts. ``host``: what Lua calls.
``filter``: the stream filters. ``*.lua``: the sandbox and the handle that scripts see.
"""
