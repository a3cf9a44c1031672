"""The generic agent, ``type: plugin``: a stream filter that a process serves, through configuration alone.

Of each request (and, with ``BEFORE_SEND``, of each response) the plugin is sent what the configuration says; its answer rejects, edits or
lets pass. A call costs no coroutine and no task: the verdict is a :class:`~headgate.api.deferred.Deferred`. Its time is the entry's
``timeout``; what a failed call means is the entry's ``on_error`` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headgate.api.entry_settings import entry_settings
from headgate.api.plugin import register_plugin
from headgate.api.status import BodyNeed, Phase
from headgate.api.stream import Stream
from headgate.api.stream_filter import FilterCallbacks, StreamFilter, StreamFilterFactory, Verdict, stream_filter
from headgate.runtimes.process.agent_attributes import BEFORE_SEND
from headgate.runtimes.process.agent_config import AgentConfig, PluginFilterConfig
from headgate.runtimes.process.agent_plan import AgentPlan
from headgate.runtimes.process.agent_verdict import AgentVerdict

_RECEIVER_PHASES: Final = {phase.name: phase for phase in Phase}


class ReceivingAgent(StreamFilter[AgentPlan]):
    """Asks the plugin about a request, in one of the receiver phases."""

    at: int = 0
    """Number of the phase in which it runs."""

    def on_receive(self, stream: Stream) -> Verdict:
        verdict = AgentVerdict(self.config, stream, self.at)
        verdict.start()
        return verdict


class SendingAgent(StreamFilter[AgentPlan]):
    """Asks the plugin about a response."""

    def on_send(self, stream: Stream) -> Verdict:
        verdict = AgentVerdict(self.config, stream, BEFORE_SEND)
        verdict.start()
        return verdict


class AgentFactory(StreamFilterFactory):
    """One entry's agent: a filter for each of its phases."""

    def __init__(self, plan: AgentPlan) -> None:
        self._plan = plan
        self._timeout = plan.timeout
        need = BodyNeed.BUFFER if plan.config.needs_whole else BodyNeed.NONE
        # What a filter needs of a body is its class's to say: each phase gets a class of its own.
        self._receivers: list[type[ReceivingAgent]] = [
            type("ReceivingAgent", (ReceivingAgent,), {"phase": phase, "at": int(phase), "request_body": need})
            for name, phase in _RECEIVER_PHASES.items()
            if name in plan.config.phases
        ]
        self._sender: type[SendingAgent] | None = None
        if "BEFORE_SEND" in plan.config.phases:
            self._sender = type("SendingAgent", (SendingAgent,), {"response_body": need})

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        for receiver in self._receivers:
            callbacks.add_receiver(receiver(self._plan))
        if self._sender is not None:
            callbacks.add_sender(self._sender(self._plan))

    def route_config(self, config: object, raw: Mapping[str, object]) -> AgentPlan:
        """Another plan for a route; it may ask another plugin, but when it asks and whether bodies are buffered is the entry's to say."""
        if not isinstance(config, AgentConfig):
            raise TypeError(f"expected the configuration of an agent, got {config!r}")
        own = self._plan.config
        if set(config.phases) != set(own.phases):
            raise ValueError("'phases' cannot differ from the entry's")
        if config.needs_whole and not own.needs_whole:
            raise ValueError("a body or trailers can be sent or replaced for a route only if the entry does so too")
        return plan_of(config, self._timeout)


def plan_of(config: AgentConfig, timeout: float) -> AgentPlan:
    """The plan of a configuration; asks for its plugin.

    :raises ConfigError: if there is no such plugin
    """
    return AgentPlan(config, register_plugin(config.plugin, args=config.args), timeout)


@stream_filter("plugin", config=AgentConfig)
def create_agent(config: AgentConfig) -> StreamFilterFactory:
    """The agent of one entry."""
    return AgentFactory(plan_of(config, entry_settings().timeout))


@stream_filter("pluginfilter", config=PluginFilterConfig)
def create_pluginfilter(config: PluginFilterConfig) -> StreamFilterFactory:
    """MOSN's example of that name: the agent with its preset."""
    return create_agent(config)
