"""Lets a request through only if it carries every header that the configuration names, with the value that it gives."""

from headgate.api import Status, Stream, StreamFilter, stream_filter


@stream_filter("demo", config=dict[str, str])
class AuthFilter(StreamFilter[dict[str, str]]):
    """``{"User": "admin"}``: requests without ``User: admin`` are answered with 403."""

    def on_receive(self, stream: Stream) -> Status:
        """A request's head has arrived."""
        headers = stream.request.headers
        for name, value in self.config.items():
            if headers.get(name) != value:
                stream.reply(403, body="forbidden\n")
                return Status.STOP
        return Status.CONTINUE
