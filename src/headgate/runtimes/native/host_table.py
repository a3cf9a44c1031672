"""The host functions that a module calls: ``hg_host`` of the header.

Each is a callback from C. Nothing that happens here may escape into the module as an exception: what goes wrong is a negative number, and
a fault of ours is one line in the log. Arguments are not trusted: null pointers, impossible lengths, names of streams that are gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

from headgate.api.errors import AlreadyRepliedError, HeaderError, HeadgateError, ReplyTooLateError
from headgate.api.headers import Headers
from headgate.api.messages import checked_target
from headgate.observe.custom_metrics import COUNTER, CUSTOM_METRICS, GAUGE
from headgate.observe.variables import VariableReader
from headgate.runtimes.native import abi
from headgate.runtimes.native.abi import FFI, Pointer
from headgate.runtimes.native.filter import BODY, END, REQUEST, RESPONSE, TRAILERS, NativeFilter
from headgate.runtimes.native.host_later import LaterFunctions
from headgate.runtimes.native.host_plugins import PluginFunctions
from headgate.runtimes.native.host_texts import MAX_TEXT, ArgumentError, pairs, put, text
from headgate.runtimes.native.module import NativeModule

_LOG: Final = logging.getLogger("headgate.native")
_LEVELS: Final = (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
_METRICS: Final = "native"
"""Type of the metrics that modules define: ``native_<name>``."""

P = ParamSpec("P")


class _AnswerError(Exception):
    """Ends a host function with a number."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


def _guarded(function: Callable[P, int]) -> Callable[P, int]:
    """What a callback returns whatever happens."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return function(*args, **kwargs)
        except _AnswerError as answer:
            return answer.number
        except (ArgumentError, HeaderError, ValueError):
            return abi.BAD_ARGUMENT
        except (AlreadyRepliedError, ReplyTooLateError):
            return abi.TOO_LATE
        except HeadgateError as error:
            _LOG.warning("a host function failed: %s", error)
            return abi.INTERNAL
        except Exception:
            _LOG.exception("a host function failed")
            return abi.INTERNAL

    return guarded


class HostTable:
    """The table of one module.

    :ivar pointer: ``hg_host *``; lives as long as this object
    """

    def __init__(self, module: NativeModule) -> None:
        self._module = module
        self._log = logging.getLogger(f"headgate.native.{module.name}")
        later = LaterFunctions(module)
        plugins = PluginFunctions(module)
        functions: dict[str, Callable[..., int]] = {
            "request_header_set": self._request_header_set,
            "request_header_add": self._request_header_add,
            "request_header_remove": self._request_header_remove,
            "request_method_set": self._request_method_set,
            "request_target_set": self._request_target_set,
            "response_header_set": self._response_header_set,
            "response_header_add": self._response_header_add,
            "response_header_remove": self._response_header_remove,
            "response_status_set": self._response_status_set,
            "body_set": self._body_set,
            "chunk_set": self._chunk_set,
            "trailer_set": self._trailer_set,
            "trailer_remove": self._trailer_remove,
            "reply": self._reply,
            "terminate": self._terminate,
            "request_header_get": self._request_header_get,
            "response_header_get": self._response_header_get,
            "variable_get": self._variable_get,
            "variable_set": self._variable_set,
            "log": self._write_log,
            "log_enabled": self._log_enabled,
            "counter_add": self._counter_add,
            "gauge_set": self._gauge_set,
            "later_complete": later.complete,
            "later_wanted": later.wanted,
            "later_release": later.release,
            "plugin_register": plugins.register,
            "plugin_call": plugins.call,
        }
        self.pointer: Pointer = FFI.new("hg_host *")
        self.pointer.size = FFI.sizeof("hg_host")
        self.pointer.abi_version = abi.ABI_MAJOR << 16 | abi.ABI_MINOR
        self.pointer.features = abi.HOST_PLUGINS | abi.HOST_BODY_ENDS
        types = {name: member.type for name, member in FFI.typeof("hg_host").fields}
        self._callbacks: dict[str, Pointer] = {
            name: FFI.callback(types[name], _guarded(function), error=abi.INTERNAL) for name, function in functions.items()
        }
        self._callbacks["later_create"] = FFI.callback(types["later_create"], later.create, error=0)
        for name, callback in self._callbacks.items():
            setattr(self.pointer, name, callback)

    # --- whose stream, and whether now

    def _filter(self, stream: int, *hooks: int) -> NativeFilter:
        """The filter that a stream's name stands for, in one of these hooks."""
        module = self._module
        if module.thread != threading.get_ident():
            raise _AnswerError(abi.WRONG_THREAD)
        found = module.streams.get(stream)
        if found is None or found.stream is None:
            raise _AnswerError(abi.GONE)
        if not found.hook:
            raise _AnswerError(abi.WRONG_HOOK)
        if hooks and found.hook not in hooks:
            raise _AnswerError(abi.WRONG_HOOK)
        return found

    def _request_headers(self, stream: int) -> Headers:
        found = self._filter(stream)
        assert found.stream is not None
        if found.hook not in (REQUEST, BODY, END) or found.stream.response is not None:
            raise _AnswerError(abi.TOO_LATE if found.hook != REQUEST else abi.WRONG_HOOK)
        return found.stream.request.headers

    def _response_headers(self, stream: int) -> Headers:
        found = self._filter(stream, RESPONSE)
        assert found.stream is not None
        if found.stream.response is None:
            raise _AnswerError(abi.WRONG_HOOK)
        return found.stream.response.headers

    # --- heads

    def _request_header_set(self, stream: int, name: Pointer, name_length: int, value: Pointer, value_length: int) -> int:
        self._request_headers(stream).set(text(name, name_length), text(value, value_length))
        return abi.OK

    def _request_header_add(self, stream: int, name: Pointer, name_length: int, value: Pointer, value_length: int) -> int:
        self._request_headers(stream).add(text(name, name_length), text(value, value_length))
        return abi.OK

    def _request_header_remove(self, stream: int, name: Pointer, name_length: int) -> int:
        return abi.OK if self._request_headers(stream).remove(text(name, name_length)) else abi.NOT_FOUND

    def _request_method_set(self, stream: int, method: Pointer, length: int) -> int:
        self._request_headers(stream)
        wanted = text(method, length)
        if not wanted or not wanted.isascii() or not wanted.replace("-", "").replace("_", "").isalnum():
            return abi.BAD_ARGUMENT
        current = self._filter(stream).stream
        assert current is not None
        current.request.method = wanted
        return abi.OK

    def _request_target_set(self, stream: int, target: Pointer, length: int) -> int:
        self._request_headers(stream)
        current = self._filter(stream).stream
        assert current is not None
        current.request.target = checked_target(text(target, length))
        return abi.OK

    def _response_header_set(self, stream: int, name: Pointer, name_length: int, value: Pointer, value_length: int) -> int:
        self._response_headers(stream).set(text(name, name_length), text(value, value_length))
        return abi.OK

    def _response_header_add(self, stream: int, name: Pointer, name_length: int, value: Pointer, value_length: int) -> int:
        self._response_headers(stream).add(text(name, name_length), text(value, value_length))
        return abi.OK

    def _response_header_remove(self, stream: int, name: Pointer, name_length: int) -> int:
        return abi.OK if self._response_headers(stream).remove(text(name, name_length)) else abi.NOT_FOUND

    def _response_status_set(self, stream: int, status: int) -> int:
        self._response_headers(stream)
        if not 200 <= status <= 599:
            return abi.BAD_ARGUMENT
        current = self._filter(stream).stream
        assert current is not None and current.response is not None
        current.response.status = status
        return abi.OK

    # --- bodies and trailers

    def _body_set(self, stream: int, data: Pointer, length: int) -> int:
        found = self._filter(stream, REQUEST, RESPONSE)
        current = found.stream
        assert current is not None
        message = current.request if found.hook == REQUEST else current.response
        if message is None or message.body is None:
            return abi.WRONG_HOOK
        message.body = put(data, length)
        return abi.OK

    def _chunk_set(self, stream: int, data: Pointer, length: int) -> int:
        self._filter(stream, BODY, END).chunk = put(data, length)
        return abi.OK

    def _trailer_headers(self, stream: int) -> Headers:
        trailers = self._filter(stream, TRAILERS).trailers
        if trailers is None:
            raise _AnswerError(abi.WRONG_HOOK)
        return trailers

    def _trailer_set(self, stream: int, name: Pointer, name_length: int, value: Pointer, value_length: int) -> int:
        self._trailer_headers(stream).set(text(name, name_length), text(value, value_length))
        return abi.OK

    def _trailer_remove(self, stream: int, name: Pointer, name_length: int) -> int:
        return abi.OK if self._trailer_headers(stream).remove(text(name, name_length)) else abi.NOT_FOUND

    # --- answers

    def _reply(self, stream: int, status: int, headers: Pointer, count: int, body: Pointer, length: int) -> int:
        current = self._filter(stream, REQUEST, RESPONSE, BODY, END, TRAILERS).stream
        assert current is not None
        current.reply(status, dict(pairs(headers, count)), put(body, length))
        return abi.OK

    def _terminate(self, stream: int, status: int) -> int:
        found = self._module.streams.get(stream)
        current = found.stream if found is not None else None
        if current is None:
            return abi.GONE
        return abi.OK if current.terminate(status) else abi.TOO_LATE

    # --- reading

    def _request_header_get(self, stream: int, name: Pointer, name_length: int, buffer: Pointer, length: Pointer) -> int:
        current = self._filter(stream).stream
        assert current is not None
        return _copy(current.request.headers.get(text(name, name_length)), buffer, length)

    def _response_header_get(self, stream: int, name: Pointer, name_length: int, buffer: Pointer, length: Pointer) -> int:
        current = self._filter(stream).stream
        assert current is not None
        if current.response is None:
            return abi.WRONG_HOOK
        return _copy(current.response.headers.get(text(name, name_length)), buffer, length)

    def _variable_get(self, stream: int, name: Pointer, name_length: int, buffer: Pointer, length: Pointer) -> int:
        current = self._filter(stream).stream
        assert current is not None
        return _copy(VariableReader(text(name, name_length)).read(current), buffer, length)

    def _variable_set(self, stream: int, name: Pointer, name_length: int, value: Pointer, value_length: int) -> int:
        current = self._filter(stream).stream
        assert current is not None
        key = text(name, name_length)
        if not key:
            return abi.BAD_ARGUMENT
        current.variables[key] = text(value, value_length)
        return abi.OK

    # --- log and metrics, from any thread

    def _write_log(self, level: int, data: Pointer, length: int) -> int:
        if level >= len(_LEVELS):
            return abi.BAD_ARGUMENT
        self._log.log(_LEVELS[level], "%s", text(data, min(length, MAX_TEXT)))
        return abi.OK

    def _log_enabled(self, level: int) -> int:
        return int(level < len(_LEVELS) and self._log.isEnabledFor(_LEVELS[level]))

    def _counter_add(self, name: Pointer, length: int, amount: int) -> int:
        metric = CUSTOM_METRICS.define(_METRICS, _metric_name(name, length), COUNTER)
        if metric is None:
            return abi.BAD_ARGUMENT
        metric.value += amount
        return abi.OK

    def _gauge_set(self, name: Pointer, length: int, value: int) -> int:
        metric = CUSTOM_METRICS.define(_METRICS, _metric_name(name, length), GAUGE)
        if metric is None:
            return abi.BAD_ARGUMENT
        metric.value = value
        return abi.OK


def _metric_name(name: Pointer, length: int) -> str:
    wanted = text(name, length)
    if not wanted or len(wanted) > 200 or not wanted.isascii() or not wanted.replace("_", "").replace(".", "").isalnum():
        raise ArgumentError("a metric's name has letters, digits, '_' and '.' only")
    return wanted


def _copy(value: str | None, buffer: Pointer, length: Pointer) -> int:
    """Copy a text into a module's buffer."""
    if length == FFI.NULL:
        return abi.BAD_ARGUMENT
    if value is None:
        return abi.NOT_FOUND
    data = value.encode("utf-8", "surrogateescape")
    space = int(length[0])
    length[0] = len(data)
    if len(data) > space or (buffer == FFI.NULL and data):
        return abi.TOO_SMALL
    FFI.memmove(buffer, data, len(data))
    return abi.OK
