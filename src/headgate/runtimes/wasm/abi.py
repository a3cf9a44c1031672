"""Numbers of the proxy-wasm ABI (proxy-wasm/spec, abi-versions v0.2.1).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from typing import Final

# proxy_status_t
OK: Final = 0
NOT_FOUND: Final = 1
BAD_ARGUMENT: Final = 2
SERIALIZATION_FAILURE: Final = 3
PARSE_FAILURE: Final = 4
INVALID_MEMORY_ACCESS: Final = 6
EMPTY: Final = 7
CAS_MISMATCH: Final = 8
INTERNAL_FAILURE: Final = 10
UNIMPLEMENTED: Final = 12

# proxy_action_t
CONTINUE: Final = 0

# proxy_buffer_type_t
REQUEST_BODY: Final = 0
RESPONSE_BODY: Final = 1
CALL_BODY: Final = 4
GRPC_MESSAGE: Final = 5
VM_CONFIGURATION: Final = 6
PLUGIN_CONFIGURATION: Final = 7
FOREIGN_ARGUMENTS: Final = 8

# proxy_map_type_t
REQUEST_HEADERS: Final = 0
REQUEST_TRAILERS: Final = 1
RESPONSE_HEADERS: Final = 2
RESPONSE_TRAILERS: Final = 3
GRPC_INITIAL_METADATA: Final = 4
GRPC_TRAILING_METADATA: Final = 5
CALL_HEADERS: Final = 6
CALL_TRAILERS: Final = 7

# proxy_stream_type_t
REQUEST_STREAM: Final = 0
RESPONSE_STREAM: Final = 1

VERSIONS: Final = {"proxy_abi_version_0_1_0": 1, "proxy_abi_version_0_2_0": 2, "proxy_abi_version_0_2_1": 3}
"""Marker exports and how they are ordered here."""
