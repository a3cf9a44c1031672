"""``/proto.Plugin/Call``: runs the author's function, in the event loop, as a task, or in a thread."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable
from concurrent.futures import Future, ThreadPoolExecutor

from headgate.api.plugin_messages import PluginResponse
from headgate.plugin.service import Function, is_asynchronous
from headgate.protocols.grpc.message_reader import PREFIX_SIZE
from headgate.protocols.grpc.plugin_codec import decode_request, encode_response
from headgate.protocols.grpc.server_connection import GrpcMethod, ServerCall
from headgate.protocols.grpc.status import CANCELLED, INTERNAL, INVALID_ARGUMENT
from headgate.protocols.grpc.wire import WireError

_LOG = logging.getLogger("headgate.plugin")


class CallMethod(GrpcMethod):
    """The plugin's one method.

    :param threads: run plain functions in so many threads; 0: in the event loop
    :ivar running: calls under way
    """

    def __init__(self, function: Function, threads: int = 0) -> None:
        super().__init__()
        self.running: int = 0
        self._function = function
        self._pool = ThreadPoolExecutor(threads, "plugin") if threads and not is_asynchronous(function) else None

    def on_call(self, call: ServerCall, data: bytes) -> None:
        try:
            request = decode_request(data, PREFIX_SIZE)
        except WireError as error:
            call.fail(INVALID_ARGUMENT, f"not proto.Request: {error}")
            return
        if self._pool is not None:
            self.running += 1
            loop = asyncio.get_running_loop()
            future = self._pool.submit(self._function, request)
            call.token = future
            future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._thread_done, call, done))
            return
        try:
            result = self._function(request)
        except Exception as error:
            _failed(call, error)
            return
        if inspect.isawaitable(result):
            self.running += 1
            call.token = asyncio.ensure_future(self._wait(call, result))
        else:
            _answer(call, result)

    async def _wait(self, call: ServerCall, result: Awaitable[PluginResponse]) -> None:
        try:
            _answer(call, await result)
        except asyncio.CancelledError:
            call.fail(CANCELLED, "the plugin is shutting down")
            raise
        except Exception as error:
            _failed(call, error)
        finally:
            call.token = None
            self.running -= 1

    def _thread_done(self, call: ServerCall, future: Future[PluginResponse | Awaitable[PluginResponse]]) -> None:
        self.running -= 1
        call.token = None
        if future.cancelled():
            return
        error = future.exception()
        if error is not None:
            _failed(call, error)
        else:
            _answer(call, future.result())

    def on_cancel(self, call: ServerCall) -> None:
        token = call.token
        if isinstance(token, (asyncio.Future, Future)):
            token.cancel()

    def close(self) -> None:
        """Begin nothing more in threads; one that hangs is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _answer(call: ServerCall, result: object) -> None:
    try:
        if not isinstance(result, PluginResponse):
            raise TypeError(f"the service returned {type(result).__name__}, not a Response")
        message = encode_response(result)
    except Exception as error:
        _failed(call, error)
    else:
        call.reply(message)


def _failed(call: ServerCall, error: BaseException) -> None:
    _LOG.error("the service failed", exc_info=error)
    call.fail(INTERNAL, f"the service raised {type(error).__name__}")
