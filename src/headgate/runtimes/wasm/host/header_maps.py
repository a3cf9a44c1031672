"""Host functions on header maps.

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from headgate.api.errors import HeaderError
from headgate.runtimes.wasm.abi import (
    BAD_ARGUMENT,
    CALL_HEADERS,
    CALL_TRAILERS,
    GRPC_INITIAL_METADATA,
    GRPC_TRAILING_METADATA,
    NOT_FOUND,
    OK,
    PARSE_FAILURE,
    REQUEST_HEADERS,
    REQUEST_TRAILERS,
    RESPONSE_HEADERS,
    RESPONSE_TRAILERS,
)
from headgate.runtimes.wasm.contexts import HttpContext
from headgate.runtimes.wasm.maps import CallMap, HeaderMap, MetadataMap, RequestMap, ResponseMap, text
from headgate.runtimes.wasm.pairs import decode, encode

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")
_READ_ONLY: Final = (CALL_HEADERS, CALL_TRAILERS, GRPC_INITIAL_METADATA, GRPC_TRAILING_METADATA)


class MapFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def _map(self, kind: int) -> HeaderMap | None:
        context = self._vm.current
        if isinstance(context, HttpContext):
            if kind == REQUEST_HEADERS:
                return RequestMap(context.stream.request)
            if kind == RESPONSE_HEADERS:
                response = context.stream.response
                return ResponseMap(response) if response is not None else None
            if kind in (REQUEST_TRAILERS, RESPONSE_TRAILERS):
                trailers = context.request_trailers if kind == REQUEST_TRAILERS else context.response_trailers
                return HeaderMap(trailers) if trailers is not None else None
        result = self._vm.call_result
        if result is not None:
            if kind == CALL_HEADERS:
                return CallMap(result.status, result.headers)
            if kind == CALL_TRAILERS:
                return HeaderMap(result.trailers)
        told = self._vm.grpc_told
        if told is not None and kind in (GRPC_INITIAL_METADATA, GRPC_TRAILING_METADATA):
            metadata = told.initial if kind == GRPC_INITIAL_METADATA else told.trailing
            return MetadataMap(metadata) if metadata is not None else None
        return None

    def get_header_map_size(self, kind: int, ret: int) -> int:
        """Bytes of the map as it would be laid out."""
        found = self._map(kind)
        if found is None:
            return BAD_ARGUMENT
        self._vm.memory.write_u32(ret, len(encode(found.pairs())))
        return OK

    def get_header_map_pairs(self, kind: int, ret_pointer: int, ret_length: int) -> int:
        """The whole map."""
        found = self._map(kind)
        if found is None:
            return BAD_ARGUMENT
        self._vm.memory.give(encode(found.pairs()), ret_pointer, ret_length)
        return OK

    def get_header_map_value(self, kind: int, key: int, key_length: int, ret_pointer: int, ret_length: int) -> int:
        """The first value under a name. Under ABI 0.1.0 a missing one is an empty one."""
        found = self._map(kind)
        if found is None:
            return BAD_ARGUMENT
        memory = self._vm.memory
        value = found.get(text(memory.read(key, key_length)))
        if value is None:
            if self._vm.abi > 1:
                return NOT_FOUND
            value = b""
        memory.give(value, ret_pointer, ret_length)
        return OK

    def set_header_map_pairs(self, kind: int, pointer: int, length: int) -> int:
        """Put other fields in the place of all."""
        found = self._map(kind)
        if found is None or kind in _READ_ONLY:
            return BAD_ARGUMENT
        pairs = decode(self._vm.memory.read(pointer, length))
        if pairs is None:
            return PARSE_FAILURE
        try:
            found.replace_all(pairs)
        except (HeaderError, ValueError) as error:
            return self._refuse(error)
        return OK

    def add_header_map_value(self, kind: int, key: int, key_length: int, value: int, value_length: int) -> int:
        """Add a field."""
        found = self._map(kind)
        if found is None or kind in _READ_ONLY:
            return BAD_ARGUMENT
        memory = self._vm.memory
        try:
            found.add(text(memory.read(key, key_length)), text(memory.read(value, value_length)))
        except (HeaderError, ValueError) as error:
            return self._refuse(error)
        return OK

    def replace_header_map_value(self, kind: int, key: int, key_length: int, value: int, value_length: int) -> int:
        """Put one field in the place of all of that name."""
        found = self._map(kind)
        if found is None or kind in _READ_ONLY:
            return BAD_ARGUMENT
        memory = self._vm.memory
        try:
            found.replace(text(memory.read(key, key_length)), text(memory.read(value, value_length)))
        except (HeaderError, ValueError) as error:
            return self._refuse(error)
        return OK

    def remove_header_map_value(self, kind: int, key: int, key_length: int) -> int:
        """Remove all fields of a name."""
        found = self._map(kind)
        if found is None or kind in _READ_ONLY:
            return BAD_ARGUMENT
        try:
            found.remove(text(self._vm.memory.read(key, key_length)))
        except (HeaderError, ValueError) as error:
            return self._refuse(error)
        return OK

    def _refuse(self, error: Exception) -> int:
        _LOG.warning("wasm %s: %s", self._vm.current.plugin.name, error)
        return BAD_ARGUMENT
