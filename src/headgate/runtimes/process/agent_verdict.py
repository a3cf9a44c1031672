"""One question of the generic agent, and the verdict that comes of the answer.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.deferred import Deferred
from headgate.api.errors import ExtensionError
from headgate.api.plugin import PluginCall, PluginError
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.api.stream import Stream
from headgate.runtimes.process.agent_answer import apply_answer
from headgate.runtimes.process.agent_plan import AgentPlan


class AgentError(ExtensionError):
    """A plugin answered something that cannot be done."""


class AgentVerdict(Deferred):
    """One call: waits for the plugin's answer (:class:`~headgate.api.plugin.PluginReceiver`), and is the verdict that the stream waits for.

    :param phase: the receiver phase's number, or :data:`~headgate.runtimes.process.agent_attributes.BEFORE_SEND`
    """

    def __init__(self, plan: AgentPlan, stream: Stream, phase: int) -> None:
        super().__init__()
        self._plan = plan
        self._stream = stream
        self._phase = phase
        self._asked: PluginRequest = plan.request(stream, phase)
        self._call: PluginCall | None = None

    def start(self) -> None:
        """Ask."""
        self._call = self._plan.client.start(self._asked, self._plan.timeout, self)

    def on_plugin_response(self, response: PluginResponse) -> None:
        """The answer."""
        if self.done:
            return
        self._call = None
        try:
            verdict = apply_answer(self._plan, self._stream, self._phase, self._asked, response)
        except Exception as error:
            self.fail(AgentError(f"plugin {self._plan.client.name}: its answer cannot be used: {error}"))
            return
        self.resolve(verdict)

    def on_plugin_failure(self, error: PluginError) -> None:
        """There is none."""
        self._call = None
        # The call has the entry's time limit: the engine's own clock, which counts it as a timeout (504), comes to its end at this moment.
        if error.kind != "timeout":
            self.fail(error)

    def on_abandoned(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
