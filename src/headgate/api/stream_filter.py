"""Stream filters: code of the user's own on a request's way and on its response's way back.

Three parts, as in MOSN:

======================== =============================================== ==================================
part                     who makes it                                    lives
======================== =============================================== ==================================
create function          the author; registered under a name             once per process
``StreamFilterFactory``  the create function, when a listener is built   as long as that configuration
``StreamFilter``         the factory, per request                        one request, until ``on_destroy``
======================== =============================================== ==================================

For the common case a class alone is enough: ``@stream_filter("name")`` derives the other two parts from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from headgate.api.deferred import Deferred, DeferredChunk
from headgate.api.errors import RegistrationError
from headgate.api.registry import Registry
from headgate.api.status import BodyNeed, Phase, Status

if TYPE_CHECKING:
    from headgate.api.headers import Headers
    from headgate.api.stream import Stream

ConfigT = TypeVar("ConfigT")
ConfigT_co = TypeVar("ConfigT_co", covariant=True)

Verdict = Status | None | Deferred | Awaitable[Status | None]
"""What a head handler returns; an ``async def`` handler returns the awaitable form by itself, a :class:`Deferred` costs no task."""


class StreamFilter(Generic[ConfigT_co]):
    """One filter for one request. Subclass it and override what is needed; a hook that is not overridden costs nothing.

    :cvar phase: when :meth:`on_receive` runs
    :cvar request_body: what it needs of the request's body
    :cvar response_body: what it needs of the response's body
    :ivar config: the entry's configuration, with that of the matched virtual host and route merged over it by the engine
    """

    phase: Phase = Phase.BEFORE_ROUTE
    request_body: BodyNeed = BodyNeed.NONE
    response_body: BodyNeed = BodyNeed.NONE
    config: ConfigT_co

    def __init__(self, config: ConfigT_co) -> None:
        self.config = config

    def on_receive(self, stream: Stream) -> Verdict:
        """The request's head has arrived (with ``request_body = BUFFER``: the whole request). May be ``async def``.

        :returns: what happens next, see :class:`Status`; None is ``CONTINUE``. The default continues.
        """
        return Status.CONTINUE

    def on_receive_data(self, stream: Stream, data: bytes) -> bytes | None:
        """A chunk of the request's body passes. Called only with ``request_body = CHUNKS``, after :meth:`on_receive` continued.

        :returns: what goes on in its place (``b""`` drops it); None leaves it as it is. The default leaves it.
        """
        return None

    def on_receive_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        """The request's body is complete. Called once, with ``request_body = CHUNKS``, behind the last chunk and before the trailers; also
        for a request without a body. A filter that keeps chunks back (by returning ``b""`` for them) lets them go here.

        :returns: what goes on behind the last chunk; a :class:`DeferredChunk` holds the request's end. The default adds nothing.
        """
        return None

    def on_receive_trailers(self, stream: Stream, trailers: Headers) -> None:
        """The request ended with trailer fields, which may be changed. The default does nothing."""

    def on_send(self, stream: Stream) -> Verdict:
        """The response's head is ready to go down (with ``response_body = BUFFER``: the whole response). May be ``async def``.

        :returns: ``CONTINUE`` or None: next filter; ``STOP``: skip the remaining sender filters; ``TERMINATE``: end the stream without
            a response. The default continues.
        """
        return Status.CONTINUE

    def on_send_data(self, stream: Stream, data: bytes) -> bytes | None:
        """A chunk of the response's body passes. Called only with ``response_body = CHUNKS``.

        :returns: what goes on in its place (``b""`` drops it); None leaves it as it is. The default leaves it.
        """
        return None

    def on_send_end(self, stream: Stream) -> bytes | DeferredChunk | None:
        """The response's body is complete. Called once, with ``response_body = CHUNKS``, behind the last chunk and before the trailers;
        also for a response without a body.

        :returns: what goes on behind the last chunk; a :class:`DeferredChunk` holds the response's end. The default adds nothing.
        """
        return None

    def on_send_trailers(self, stream: Stream, trailers: Headers) -> None:
        """The response ended with trailer fields, which may be changed. The default does nothing."""

    def on_log(self, stream: Stream) -> None:
        """The stream has ended, after the listener's access log was written. The default does nothing."""

    def on_destroy(self) -> None:
        """The last call, exactly once for each instance, whatever happened to the stream. The default does nothing."""


class FilterCallbacks:
    """Given to a factory for each request: what it adds here takes part in that request."""

    def add(self, stream_filter: StreamFilter[object]) -> None:
        """Add a filter for every direction whose hooks its class overrides."""
        raise NotImplementedError

    def add_receiver(self, stream_filter: StreamFilter[object], phase: Phase | None = None) -> None:
        """Add a filter to the request's way.

        :param phase: in place of the class's own ``phase``
        """
        raise NotImplementedError

    def add_sender(self, stream_filter: StreamFilter[object]) -> None:
        """Add a filter to the response's way."""
        raise NotImplementedError

    def add_log(self, stream_filter: StreamFilter[object]) -> None:
        """Add a filter whose ``on_log`` runs after the stream's end."""
        raise NotImplementedError


class StreamFilterFactory:
    """Holds the parsed configuration of one entry of one listener and makes the filters of each request."""

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        """Add this request's filters, if any, to its chain. Runs once for each request that matches the entry."""
        raise NotImplementedError

    def route_config(self, config: object, raw: Mapping[str, object]) -> object:
        """A route has a configuration of its own for this entry. Runs while the configuration is built.

        :param config: the route's over the virtual host's over the entry's, validated
        :param raw: the same as it stands
        :returns: what the filters of that route get as ``config``. The default gives them ``config``.
        :raises ValueError: if a route may not ask for that: the load stops
        """
        return config

    def start(self) -> None:
        """The configuration that this factory belongs to has come into force. Runs once, in the worker's loop; timers may begin here.
        The default does nothing."""

    def close(self) -> None:
        """The configuration that this factory belongs to is gone and its last request has ended. The default does nothing."""


class ClassFactory(StreamFilterFactory):
    """The factory that :func:`stream_filter` derives from a filter class: one instance for each request.

    The engine knows this class and makes the instances itself, without the detour over callbacks.
    """

    def __init__(self, filter_class: type[StreamFilter[object]], config: object) -> None:
        self.filter_class: type[StreamFilter[object]] = filter_class
        self.config: object = config

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        callbacks.add(self.filter_class(self.config))


CreateStreamFilterFactory = Callable[[ConfigT], StreamFilterFactory]
"""A create function: parsed configuration in, factory out. What it raises stops the load."""

STREAM_FILTERS: Registry[StreamFilterFactory] = Registry("stream_filters")
"""Stream filters by name; entry-point group ``headgate.stream_filters``."""

Registered = TypeVar("Registered")


def stream_filter(name: str, *, config: type | None = None) -> Callable[[Registered], Registered]:
    """Register a stream filter under the name that a configuration entry's ``type`` gives.

    Decorates either a :class:`StreamFilter` subclass, or a create function (parsed configuration in, factory out).

    :param name: the entry's ``type``
    :param config: type of the entry's ``config``: a pydantic model, a dataclass, ``dict[str, str]``, ...; without it the filter
        gets the entry's mapping as it stands. Anything that does not fit is an error at load, with its path.
    :raises RegistrationError: if the name is taken, or if what is decorated is neither
    """

    def register(target: Registered) -> Registered:
        if isinstance(target, type) and issubclass(target, StreamFilter):
            filter_class: type[StreamFilter[object]] = target

            def create(parsed: object) -> StreamFilterFactory:
                return ClassFactory(filter_class, parsed)

            STREAM_FILTERS.register(name, create, config, origin=target.__module__)
        elif callable(target) and not isinstance(target, type):
            STREAM_FILTERS.register(name, target, config, origin=getattr(target, "__module__", "?"))
        else:
            raise RegistrationError(f"stream filter {name!r}: expected a StreamFilter subclass or a create function, got {target!r}")
        return target

    return register
