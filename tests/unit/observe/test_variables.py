"""Every variable of MOSN's list, its value, and what happens without one; variables of extensions."""

import time
from collections.abc import Iterator

import pytest

from headgate.api import Address, ConnectionInfo, Headers, RequestHead, ResponseHead, RouteInfo, Stream
from headgate.api.errors import RegistrationError
from headgate.api.registry import ExtensionScope, collecting
from headgate.api.stream import HostInfo, TlsInfo
from headgate.observe.stream_info import NO_ROUTE_FOUND, UPSTREAM_OVERFLOW, StreamInfo
from headgate.observe.variables import VARIABLES, VariableReader, variable


class Sample:
    """A stream, and what an engine would have noted about it."""

    def __init__(self, stream: Stream, info: StreamInfo) -> None:
        self.stream = stream
        self.info = info

    def read(self, name: str, scope: ExtensionScope | None = None) -> str | None:
        """The value of a variable."""
        return VariableReader(name, scope).read_with(self.stream, self.info)


def make_sample(target: str = "/a%20b?x=1&y=%2F+z&x=2&empty=", headers: dict[str, str] | None = None) -> Sample:
    """A finished stream in which everything has a value that can be told from others."""
    request_headers = Headers.of({"Host": "shop.example:8080", "User-Agent": "curl", "Cookie": 'a=1; b="two"; empty='})
    for name, value in (headers or {}).items():
        request_headers.add(name, value)
    connection = ConnectionInfo(5, Address("10.0.0.9", 40000), Address("10.0.0.1", 2046), "in")
    connection.server_name = "sni.example"
    connection.tls = TlsInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", "http/1.1", False)
    connection.tls.peer_subject = "CN=alice"
    info = StreamInfo(1000.0, "Http1")
    info.start_wall = time.mktime((2026, 11, 24, 13, 5, 59, 0, 0, -1)) + 0.0425
    info.request_received = 1000.001
    info.response_received = 1000.5
    info.finished = 1000.502
    info.bytes_received = 10
    info.bytes_sent = 20
    info.response_code = 201
    info.response_flags = NO_ROUTE_FOUND | UPSTREAM_OVERFLOW
    info.upstream_local_address = "10.0.0.1:50000"
    info.upstream_cluster = "backend"
    info.upstream_connection_id = 77
    info.upstream_attempts = 2
    info.upstream_failure = "connection refused"
    stream = Stream(17, RequestHead("GET", target, request_headers, "https"), connection)
    stream.route = RouteInfo("shop", "vhost", "backend", {})
    stream.host = HostInfo("10.0.1.1:80", "backend-1", {})
    stream.response = ResponseHead(201, Headers.of({"Server": "backend/1"}))
    return Sample(stream, info)


VALUES = {
    "start_time": "2026/11/24 13:05:59.042",
    "request_received_duration": "1ms",
    "response_received_duration": "500ms",
    "request_finished_duration": "502ms",
    "process_time_duration": "3ms",
    "duration": "502ms",
    "bytes_sent": "20",
    "bytes_received": "10",
    "protocol": "Http1",
    "response_code": "201",
    "response_flag": "true",
    "response_flags": "true",
    "response_flag_names": "UpstreamOverflow,NoRouteFound",
    "upstream_local_address": "10.0.0.1:50000",
    "downstream_local_address": "10.0.0.1:2046",
    "downstream_remote_address": "10.0.0.9:40000",
    "upstream_host": "10.0.1.1:80",
    "upstream_transport_failure_reason": "connection refused",
    "upstream_cluster": "backend",
    "upstream_connection_id": "77",
    "upstream_attempts": "2",
    "requested_server_name": "sni.example",
    "downstream_tls_version": "TLSv1.3",
    "downstream_tls_cipher": "TLS_AES_128_GCM_SHA256",
    "downstream_tls_alpn": "http/1.1",
    "downstream_peer_subject": "CN=alice",
    "route_name": "shop",
    "connection_id": "5",
    "stream_id": "17",
    "listener_name": "in",
    "listener_port": "2046",
    "authority": "shop.example:8080",
    "request_header_user-agent": "curl",
    "request_header_User-Agent": "curl",
    "response_header_server": "backend/1",
    "Http1_request_header_user-agent": "curl",
    "Http1_request_arg_x": "1",
    "Http1_request_arg_y": "/ z",
    "Http1_request_arg_empty": "",
    "Http1_cookie_a": "1",
    "Http1_cookie_b": "two",
    "Http1_cookie_empty": "",
    "Http1_request_scheme": "https",
    "Http1_request_method": "GET",
    "Http1_request_uri": "/a%20b?x=1&y=%2F+z&x=2&empty=",
    "Http1_request_path": "/a b",
    "Http1_request_path_original": "/a%20b",
    "Http1_request_arg": "x=1&y=%2F+z&x=2&empty=",
    "x-mosn-host": "shop.example:8080",
    "x-mosn-path": "/a b",
    "x-mosn-path-original": "/a%20b",
    "x-mosn-method": "GET",
    "x-mosn-querystring": "x=1&y=%2F+z&x=2&empty=",
    "x-mosn-scheme": "https",
    "x-mosn-status": "201",
}

SET_ALONG_THE_STREAM = [
    "trace_id", "listener_type", "requestResult", "upstream_index", "proxy_gzip_switch", "proxy_hijack_status", "proxy_direct_response",
    "proxy_disable_retry", "proxy_global_timeout", "proxy_try_timeout", "gRPC_serviceName", "Dubbo_service", "Dubbo_method",
    "x-mosn-direction", "x-mosn-rpc-service", "x-mosn-rpc-method", "x-mosn-router-meta", "x-mosn-req-raw-data", "x-mosn-resp-raw-data",
]  # fmt: skip

WITHOUT_VALUE = [
    "request_header_absent", "response_header_absent", "Http1_request_arg_absent", "Http1_cookie_absent", "Http2_request_method",
    "Http2_request_header_user-agent", "Http2_request_arg_x", "Http2_cookie_a", "Http2_request_scheme", "Http2_request_length",
    "Http2_request_uri", "Http2_request_path", "Http2_request_path_original", "Http2_request_arg",
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), VALUES.items())
def test_value(name: str, value: str) -> None:
    assert VariableReader(name).known
    assert make_sample().read(name) == value


@pytest.mark.parametrize("name", [*SET_ALONG_THE_STREAM, *WITHOUT_VALUE])
def test_known_without_a_value(name: str) -> None:
    assert VariableReader(name).known
    assert make_sample().read(name) is None


@pytest.mark.parametrize("name", [*SET_ALONG_THE_STREAM, "tenant"])
def test_a_filter_sets_a_value(name: str) -> None:
    sample = make_sample()
    sample.stream.variables[name] = "set"
    assert sample.read(name) == "set"


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (7, "7"), (b"\xff", "\udcff"), ("", ""), (None, None), (1.5, "1.5")]
)
def test_values_of_any_type_become_text(value: object, text: str | None) -> None:
    sample = make_sample()
    sample.stream.variables["tenant"] = value
    assert sample.read("tenant") == text


def test_every_built_in_variable_is_tested_here() -> None:
    tested = {*VALUES, *SET_ALONG_THE_STREAM, *WITHOUT_VALUE, "Http1_request_length"}
    for name in VARIABLES.names():
        assert name in tested or (name.endswith("_") and any(known.startswith(name) and known != name for known in tested)), name


def test_request_length_is_head_and_body() -> None:
    sample = make_sample("/", {})
    head = b'GET / HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: curl\r\nCookie: a=1; b="two"; empty=\r\n\r\n'
    assert sample.read("Http1_request_length") == str(len(head) + 10)


def test_unknown_name_is_not_known_and_has_no_value() -> None:
    for name in ("tenant", "requestheader_x", "", "_", "request_header_"):
        assert make_sample().read(name) is None
    assert not VariableReader("tenant").known


def test_a_stream_without_info_or_response_has_no_engine_values() -> None:
    stream = Stream(1, RequestHead("GET", "/", Headers()), ConnectionInfo(1, Address("/run/a.sock", 0), Address("", 0), ""))
    for name in VALUES:
        VariableReader(name).read(stream)
    for name in ("start_time", "duration", "process_time_duration", "request_finished_duration", "upstream_host", "x-mosn-status",
                 "response_header_server", "authority", "listener_port", "listener_name", "route_name", "response_flag_names",
                 "upstream_connection_id", "downstream_local_address", "protocol"):  # fmt: skip
        assert VariableReader(name).read(stream) is None


def test_duration_grows_until_the_stream_has_ended() -> None:
    sample = make_sample()
    sample.info.start_time = time.monotonic() - 5.0
    sample.info.finished = 0.0
    text = sample.read("duration")
    assert text is not None
    assert text.startswith("5")


def test_process_time_without_a_response_is_the_whole_time() -> None:
    sample = make_sample()
    sample.info.response_received = 0.0
    assert sample.read("process_time_duration") == "502ms"


def test_without_route_and_host_there_is_nothing_to_tell_of_them() -> None:
    sample = make_sample()
    sample.stream.route = None
    sample.stream.host = None
    assert sample.read("route_name") is None
    assert sample.read("upstream_host") is None


def test_no_flags_is_false() -> None:
    sample = make_sample()
    sample.info.response_flags = 0
    assert sample.read("response_flag") == "false"


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-4BF92F-1-01", None),
        ("forged\\n", None),
    ],
)
def test_trace_id_comes_from_traceparent(header: str, trace_id: str | None) -> None:
    assert make_sample(headers={"traceparent": header}).read("trace_id") == trace_id


def test_a_trace_id_that_was_set_wins() -> None:
    sample = make_sample(headers={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    sample.stream.variables["trace_id"] = "mine"
    assert sample.read("trace_id") == "mine"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("request_header_authorization", True),
        ("request_header_Cookie", True),
        ("response_header_set-cookie", True),
        ("Http1_request_header_proxy-authorization", True),
        ("request_header_x-cookie", False),
        ("Http1_cookie_theme", False),
        ("authority", False),
    ],
)
def test_secret_headers_are_marked(name: str, secret: bool) -> None:
    assert VariableReader(name).secret is secret


@pytest.fixture
def scope() -> Iterator[ExtensionScope]:
    scope = ExtensionScope()
    with collecting(scope):

        @variable("tenant")
        def tenant(stream: Stream, info: StreamInfo, rest: str) -> str | None:
            return "acme"

        @variable("tenant_part_")
        def tenant_part(stream: Stream, info: StreamInfo, rest: str) -> str | None:
            return rest.upper()

    yield scope


def test_an_extension_adds_variables_to_its_configuration_only(scope: ExtensionScope) -> None:
    sample = make_sample()
    assert sample.read("tenant", scope) == "acme"
    assert sample.read("tenant_part_one", scope) == "ONE"
    assert sample.read("tenant_part_", scope) == ""
    assert not VariableReader("tenant").known
    assert sample.read("response_code", scope) == "201"


def test_a_name_is_registered_once() -> None:
    with pytest.raises(RegistrationError, match="start_time"):
        variable("start_time")(lambda stream, info, rest: None)
