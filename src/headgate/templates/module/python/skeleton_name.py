"""Lets a request pass only if it carries every header that the configuration names, with the value given there."""

from headgate.api import FilterCallbacks, Status, Stream, StreamFilter, StreamFilterFactory


class SkeletonName(StreamFilter[dict[str, str]]):
    """``{"User": "admin"}``: requests without ``User: admin`` are answered with 403."""

    def on_receive(self, stream: Stream) -> Status:
        """A request's head has arrived."""
        for name, value in self.config.items():
            if stream.request.headers.get(name) != value:
                stream.reply(403, body="forbidden\n")
                return Status.STOP
        return Status.CONTINUE


class SkeletonNameFactory(StreamFilterFactory):
    """Holds the configuration of one entry, and what its requests share."""

    def __init__(self, config: dict[str, str]) -> None:
        self.config = config

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        """A request has arrived."""
        callbacks.add(SkeletonName(self.config))


def create_filter_factory(config: dict[str, str]) -> StreamFilterFactory:
    """What the entry's ``factory`` names: configuration in, factory out."""
    return SkeletonNameFactory(config)
