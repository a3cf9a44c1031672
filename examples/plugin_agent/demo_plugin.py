"""An agent: a filter that has its decision made by a plugin, a process of its own."""

from pydantic import BaseModel

from headgate.api import (
    FilterCallbacks,
    PluginClient,
    PluginRequest,
    Status,
    Stream,
    StreamFilter,
    StreamFilterFactory,
    register_plugin,
    stream_filter,
)

REJECTED = -1
TIMEOUT = 1.0
"""Seconds for the answer. When it does not come the call raises, and the entry's ``on_error`` says what that means."""


class DemoConfig(BaseModel):
    """The entry's ``config``.

    :ivar config_path: the plugin's own configuration file
    """

    config_path: str


class DemoFilter(StreamFilter[DemoConfig]):
    """Shows the request's headers to the plugin."""

    def __init__(self, config: DemoConfig, checker: PluginClient) -> None:
        super().__init__(config)
        self.checker = checker

    async def on_receive(self, stream: Stream) -> Status:
        """A request's head has arrived. The stream waits for the answer, the worker does not.

        The names are written as MOSN writes them: ``User-Agent``.
        """
        header = {name.title(): value for name, value in stream.request.headers.items()}
        answer = await self.checker.call(PluginRequest(header), TIMEOUT)
        if answer.status == REJECTED:
            stream.reply(403, body="forbidden\n")
            return Status.STOP
        return Status.CONTINUE


class DemoFactory(StreamFilterFactory):
    """One for each entry: has the plugin started, and makes a filter for each request."""

    def __init__(self, config: DemoConfig) -> None:
        self.config = config
        # No "command": the executable file "checker" beside the configuration file, or an entry "checker" of its "plugins".
        self.checker = register_plugin("checker", args=("-c", config.config_path))

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        """A request has arrived."""
        callbacks.add(DemoFilter(self.config, self.checker))


@stream_filter("demo_plugin", config=DemoConfig)
def create_demo(config: DemoConfig) -> StreamFilterFactory:
    """The listener is being built."""
    return DemoFactory(config)
