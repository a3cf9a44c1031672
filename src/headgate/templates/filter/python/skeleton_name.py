"""Lets a request pass only if it carries every header that the configuration names, with the value given there."""

from headgate.api import Status, Stream, StreamFilter, stream_filter


@stream_filter("skeleton-name", config=dict[str, str])
class SkeletonName(StreamFilter[dict[str, str]]):
    """``{"User": "admin"}``: requests without ``User: admin`` are answered with 403."""

    def on_receive(self, stream: Stream) -> Status:
        """A request's head has arrived."""
        for name, value in self.config.items():
            if stream.request.headers.get(name) != value:
                stream.reply(403, body="forbidden\n")
                return Status.STOP
        return Status.CONTINUE
