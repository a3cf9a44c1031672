"""The host function for HTTP calls to clusters of the configuration, through :mod:`headgate.api.upstream_call`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from headgate.api.errors import HeaderError
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, checked_target
from headgate.runtimes.wasm.abi import BAD_ARGUMENT, INTERNAL_FAILURE, OK, PARSE_FAILURE
from headgate.runtimes.wasm.maps import text
from headgate.runtimes.wasm.pairs import decode

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

_LOG: Final = logging.getLogger("headgate.wasm")


class CallFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm

    def http_call(
        self,
        cluster: int,
        cluster_length: int,
        fields: int,
        fields_length: int,
        body: int,
        body_length: int,
        trailers: int,
        trailers_length: int,
        timeout: int,
        ret: int,
    ) -> int:
        """Send a request to a cluster; the answer comes as ``proxy_on_http_call_response``. ``timeout`` is in milliseconds."""
        vm = self._vm
        memory = vm.memory
        memory.check(ret, 4)
        name = text(memory.read(cluster, cluster_length))
        pairs = decode(memory.read(fields, fields_length))
        content = memory.read(body, body_length)
        memory.check(trailers, trailers_length)
        if pairs is None:
            return PARSE_FAILURE
        try:
            request = _request(pairs)
        except (HeaderError, ValueError) as error:
            _LOG.warning("wasm %s: HTTP call: %s", vm.current.plugin.name, error)
            return BAD_ARGUMENT
        number = vm.calls.start(vm.current, name, request, content, timeout / 1000.0)
        if number is None:
            return BAD_ARGUMENT
        if number == 0:
            return INTERNAL_FAILURE
        memory.write_u32(ret, number)
        return OK


def _request(pairs: list[tuple[bytes, bytes]]) -> RequestHead:
    """The request of a call.

    :raises ValueError: without ``:method``, ``:path`` and ``:authority``
    :raises HeaderError: for what may not stand in a request
    """
    pseudo: dict[bytes, str] = {}
    headers = Headers()
    for name, value in pairs:
        if name.startswith(b":"):
            pseudo[name] = text(value)
        else:
            headers.add(text(name), text(value))
    missing = [name.decode() for name in (b":method", b":path") if not pseudo.get(name)]
    if b":authority" not in pseudo:  # an empty one is sent as it is: RFC 9112 section 3.2, and Envoy
        missing.append(":authority")
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    if not pseudo[b":method"].isalpha() or not pseudo[b":method"].isascii():
        raise ValueError(f"not a method: {pseudo[b':method']!r}")
    request = RequestHead(pseudo[b":method"], checked_target(pseudo[b":path"]), headers)
    request.authority = pseudo[b":authority"]
    return request
