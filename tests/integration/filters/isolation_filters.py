"""Filters that tests run in the worker and in a process of their own: an extension file."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

from pydantic import BaseModel

from headgate.api import (
    BodyNeed,
    Deferred,
    DeferredChunk,
    FilterCallbacks,
    Headers,
    Phase,
    Status,
    Stream,
    StreamFilter,
    StreamFilterFactory,
    stream_filter,
)


@stream_filter("t-auth", config=dict[str, str])
class Auth(StreamFilter[dict[str, str]]):
    def on_receive(self, stream: Stream) -> Status:
        for name, value in self.config.items():
            if stream.request.headers.get(name) != value:
                stream.reply(403, {"X-Why": "auth"}, "forbidden\n")
                return Status.STOP
        return Status.CONTINUE


class EditConfig(BaseModel):
    greeting: str = "hello"
    drop: list[str] = []


@stream_filter("t-edit", config=EditConfig)
class Edit(StreamFilter[EditConfig]):
    """Changes whatever can be changed of both heads."""

    phase = Phase.AFTER_ROUTE

    def on_receive(self, stream: Stream) -> None:
        request = stream.request
        request.headers.add("X-Greeting", self.config.greeting)
        request.headers.add("X-Greeting", "twice")
        for name in self.config.drop:
            request.headers.remove(name)
        request.path = "/edited" + request.path
        request.method = "PUT"
        stream.variables["seen"] = [request.authority, 1]

    def on_send(self, stream: Stream) -> None:
        response = stream.response
        assert response is not None
        response.status = 202
        response.headers.set("X-Seen", str(stream.variables.get("seen")))
        response.headers.remove("x-secret")


@stream_filter("t-facts")
class Facts(StreamFilter[object]):
    """Says what it sees."""

    phase = Phase.AFTER_CHOOSE_HOST

    def on_receive(self, stream: Stream) -> Status:
        route, host, request = stream.route, stream.host, stream.request
        assert route is not None and host is not None
        facts = {
            "route": route.name,
            "vhost": route.virtual_host,
            "cluster": route.cluster_name,
            "metadata": dict(route.metadata),
            "host": bool(host.address),
            "listener": stream.connection.listener_name,
            "peer": stream.connection.remote.ip,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "authority": request.authority,
            "length": request.content_length,
            "twice": request.headers.get_all("x-twice"),
            "body": request.body,
        }
        stream.reply(200, body=repr(facts))
        return Status.STOP


@stream_filter("t-wrap")
class Wrap(StreamFilter[object]):
    request_body = BodyNeed.BUFFER
    response_body = BodyNeed.BUFFER

    def on_receive(self, stream: Stream) -> None:
        stream.request.body = b"[" + (stream.request.body or b"") + b"]"

    def on_send(self, stream: Stream) -> None:
        assert stream.response is not None
        stream.response.body = b"<" + (stream.response.body or b"") + b">"


@stream_filter("t-shout")
class Shout(StreamFilter[object]):
    """Chunks both ways; the head's handler has not seen the body."""

    request_body = BodyNeed.CHUNKS
    response_body = BodyNeed.CHUNKS

    def on_receive(self, stream: Stream) -> None:
        stream.request.headers.set("X-Body", str(stream.request.body))

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        if b"evil" in data:
            stream.reply(403, body="evil")
        return data.upper()

    def on_send_data(self, stream: Stream, data: bytes) -> bytes:
        return data.upper()


@stream_filter("t-keeps", config=dict[str, str])
class Keeps(StreamFilter[dict[str, str]]):
    """Keeps the chunks back until their end, notes the order of its hooks, and does at the end as its configuration says."""

    request_body = BodyNeed.CHUNKS
    response_body = BodyNeed.CHUNKS

    def __init__(self, config: dict[str, str]) -> None:
        super().__init__(config)
        self.kept = b""
        self.hooks: list[str] = []

    def on_receive(self, stream: Stream) -> None:
        self.hooks.append("receive")

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes:
        return self._keep("receive_data", data)

    def on_receive_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        self.hooks.append("receive_end")
        return self._end(stream, self.config.get("receive", "none"))

    def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        self.hooks.append("receive_trailers")

    def on_send(self, stream: Stream) -> Status | None:
        self.hooks.append("send")
        return Status.STOP if "stop" in self.config else None

    def on_send_data(self, stream: Stream, data: bytes) -> bytes:
        return self._keep("send_data", data)

    def on_send_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        self.hooks.append("send_end")
        return self._end(stream, self.config.get("send", "none"))

    def on_send_trailers(self, stream: Stream, trailers: Headers) -> None:
        self.hooks.append("send_trailers")

    def on_destroy(self) -> None:
        if "file" in self.config:
            Path(self.config["file"]).write_text(" ".join(self.hooks))

    def _keep(self, hook: str, data: bytes) -> bytes:
        if self.hooks[-1] != hook:
            self.hooks.append(hook)
        self.kept += data
        return b""

    def _end(self, stream: Stream, how: str) -> bytes | DeferredChunk | None:
        kept, self.kept = self.kept.upper() + b".", b""
        if how == "raise":
            raise RuntimeError("broken")
        if how == "number":
            return 5  # type: ignore[return-value]  # what must not be
        if how == "reply":
            stream.reply(403, body=kept)
            return None
        if how == "bytes":
            return kept
        if how == "none":
            return None
        chunk = DeferredChunk(kept)
        loop = asyncio.get_running_loop()
        if how == "later":
            loop.call_later(0.01, chunk.resolve)
        elif how == "at once":
            chunk.resolve()
        elif how == "fail":
            loop.call_soon(chunk.fail, RuntimeError("broken"))
        elif how == "text":
            chunk.data = "text"  # type: ignore[assignment]  # what must not be
            loop.call_soon(chunk.resolve)
        elif how == "later reply":
            loop.call_soon(self._reply, stream, chunk)
        elif how != "never":
            loop.call_soon(chunk.resolve, Status(how))
        return chunk

    def _reply(self, stream: Stream, chunk: DeferredChunk) -> None:
        stream.reply(403, body=chunk.data)
        chunk.resolve()


@stream_filter("t-trailers")
class Trailers(StreamFilter[object]):
    def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        trailers.set("X-Sum", trailers["x-sum"] + "!")

    def on_send_trailers(self, stream: Stream, trailers: Headers) -> None:
        trailers.set("X-Out", trailers["x-out"] + "!")


@stream_filter("t-async")
class Async(StreamFilter[object]):
    async def on_receive(self, stream: Stream) -> Status:
        await asyncio.sleep(0)
        if stream.request.path == "/forever":
            await asyncio.Event().wait()
        if stream.request.path == "/deny":
            stream.reply(401, body=b"who?")
            return Status.STOP
        stream.request.headers.set("X-Async", "1")
        return Status.CONTINUE

    async def on_send(self, stream: Stream) -> None:
        await asyncio.sleep(0)
        assert stream.response is not None
        stream.response.headers.set("X-Async", "2")


@stream_filter("t-deferred")
class Later(StreamFilter[object]):
    def on_receive(self, stream: Stream) -> Deferred:
        deferred = Deferred()
        if stream.request.path == "/fails":
            asyncio.get_running_loop().call_soon(deferred.fail, RuntimeError("later"))
        else:
            asyncio.get_running_loop().call_soon(deferred.resolve, Status.CONTINUE)
        return deferred


@stream_filter("t-misbehaves")
class Misbehaves(StreamFilter[object]):
    def on_receive(self, stream: Stream) -> object:  # type: ignore[override]  # what no filter may do
        match stream.request.path:
            case "/raise":
                raise RuntimeError("broken")
            case "/exit":
                raise SystemExit(3)
            case "/number":
                return 5
            case "/silent":
                return Status.STOP
            case "/rechoose":
                return Status.RECHOOSE_HOST
            case "/terminate":
                return Status.TERMINATE
            case "/header":
                stream.request.headers.lines.append(b"X: a\r\nEvil: 1")
                stream.request.headers.keys.append("x")
                stream.request.headers.changed = True
            case "/twice":
                stream.reply(403)
                stream.reply(403)
            case "/status":
                stream.reply(42)
            case "/die":
                os._exit(1)
            case "/stuck":
                time.sleep(3600)
        return Status.CONTINUE


@stream_filter("t-rematch")
class Rematch(StreamFilter[object]):
    phase = Phase.AFTER_ROUTE

    def on_receive(self, stream: Stream) -> Status:
        if stream.request.path == "/first":
            stream.request.path = "/second"
            return Status.REMATCH_ROUTE
        return Status.CONTINUE


@stream_filter("t-gives-up")
class GivesUp(StreamFilter[object]):
    """Ends or answers the request from elsewhere."""

    def on_receive(self, stream: Stream) -> None:
        if stream.request.path == "/thread":
            threading.Timer(0.02, stream.terminate, [504]).start()
        elif stream.request.path == "/reply":
            asyncio.get_running_loop().call_later(0.02, stream.reply, 429)
        else:
            asyncio.get_running_loop().call_later(0.02, stream.terminate, 503)


@stream_filter("t-ends", config=dict[str, str])
class Ends(StreamFilter[dict[str, str]]):
    """Writes down how requests ended."""

    def on_receive(self, stream: Stream) -> None:
        self._note(f"receive {stream.request.path}")

    def on_log(self, stream: Stream) -> None:
        self._note("none" if stream.response is None else f"log {stream.response.status}")

    def on_destroy(self) -> None:
        self._note("destroyed")

    def _note(self, text: str) -> None:
        with Path(self.config["file"]).open("a") as file:
            file.write(text + "\n")


class First(StreamFilter[dict[str, str]]):
    def on_receive(self, stream: Stream) -> None:
        stream.request.headers.add("X-Order", "first" + self.config.get("mark", ""))


class Second(StreamFilter[dict[str, str]]):
    phase = Phase.AFTER_ROUTE

    def on_receive(self, stream: Stream) -> None:
        stream.request.headers.add("X-Order", "second" + self.config.get("mark", ""))

    def on_send(self, stream: Stream) -> None:
        assert stream.response is not None
        stream.response.headers.add("X-Order", "sent" + self.config.get("mark", ""))


class SeveralFactory(StreamFilterFactory):
    def __init__(self, config: dict[str, str]) -> None:
        self._config = config

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        callbacks.add(Second(self._config))
        callbacks.add(First(self._config))
        callbacks.add_receiver(First(self._config), Phase.AFTER_CHOOSE_HOST)


@stream_filter("t-several", config=dict[str, str])
def create_several(config: dict[str, str]) -> StreamFilterFactory:
    if "raise" in config:
        raise ValueError("no such thing")
    return SeveralFactory(config)


@stream_filter("t-where")
class Where(StreamFilter[object]):
    """Says in which process it runs."""

    def on_receive(self, stream: Stream) -> Status:
        stream.reply(200, body=str(os.getpid()))
        return Status.STOP
