"""The stream filters that a ``lua`` entry gives every stream. What their handlers do is :mod:`headgate.runtimes.lua.run`."""

from __future__ import annotations

from headgate.api.status import Phase
from headgate.api.stream import Stream
from headgate.api.stream_filter import StreamFilter, Verdict
from headgate.runtimes.lua.run import LuaRun, begin
from headgate.runtimes.lua.unit import LuaUnit


class LuaFilter(StreamFilter[LuaUnit]):
    """Runs a script's handler for the request. Its configuration is the script that applies."""

    phase = Phase.AFTER_ROUTE
    _run: LuaRun | None = None  # a run that had something to say; entered again, the route was matched again for it

    def on_receive(self, stream: Stream) -> Verdict:
        if self._run is not None:
            return self._run.again()
        unit = self.config
        if not unit.requests:
            return None
        run = begin(unit, stream, False)
        if run is None:
            return None
        self._run = run
        return run.verdict


class LuaBothWays(LuaFilter):
    """The same, and the handler for the response."""

    def on_send(self, stream: Stream) -> Verdict:
        unit = self.config
        if not unit.responses:
            return None
        run = begin(unit, stream, True)
        return None if run is None else run.verdict
