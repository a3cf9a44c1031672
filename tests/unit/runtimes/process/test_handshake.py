"""The handshake line: every field, right and wrong."""

import pytest

from headgate.runtimes.process.handshake import Endpoint, HandshakeError, parse_handshake


@pytest.mark.parametrize(
    "line, endpoint",
    [
        (b"1|1|tcp|127.0.0.1:1234|grpc\n", Endpoint("tcp", "127.0.0.1:1234")),
        (b"  1|1|tcp|127.0.0.1:1234|grpc\r\n", Endpoint("tcp", "127.0.0.1:1234")),
        (b"1|1|tcp|localhost:1|grpc", Endpoint("tcp", "127.0.0.1:1")),
        (b"1|1|tcp|0.0.0.0:1|grpc", Endpoint("tcp", "127.0.0.1:1")),
        (b"1|1|tcp|:65535|grpc", Endpoint("tcp", "127.0.0.1:65535")),
        (b"1|1|tcp|[::1]:1234|grpc", Endpoint("tcp", "[::1]:1234")),
        (b"1|1|tcp|[::]:1234|grpc", Endpoint("tcp", "[::1]:1234")),
        (b"1|1|unix|/tmp/plugin123|grpc", Endpoint("unix", "/tmp/plugin123")),
        # hashicorp/go-plugin prints a sixth field, and a seventh when it can multiplex.
        (b"1|1|unix|/tmp/plugin123|grpc|", Endpoint("unix", "/tmp/plugin123")),
        (b"1|1|unix|/tmp/plugin123|grpc||true", Endpoint("unix", "/tmp/plugin123")),
        (b"1|1|unix|/tmp/plugin123|grpc|short", Endpoint("unix", "/tmp/plugin123")),
    ],
)
def test_accepted(line: bytes, endpoint: Endpoint) -> None:
    assert parse_handshake(line, "grpc") == endpoint


@pytest.mark.parametrize(
    "line, message",
    [
        (b"", "unrecognized remote plugin message"),
        (b"hello", "unrecognized remote plugin message: 'hello'"),
        (b"1|1|tcp", "unrecognized remote plugin message"),
        (b"\xff\xfe\x00", "unrecognized remote plugin message"),
        (b"2|1|tcp|127.0.0.1:1|grpc", "incompatible core API version"),
        (b"x|1|tcp|127.0.0.1:1|grpc", "incompatible core API version"),
        (b"1|0|tcp|127.0.0.1:1|grpc", "incompatible API version"),
        (b"1|-1|tcp|127.0.0.1:1|grpc", "incompatible API version"),
        (b"1|1|udp|127.0.0.1:1|grpc", "unknown address type"),
        (b"1|1|tcp|127.0.0.1|grpc", "cannot be resolved"),
        (b"1|1|tcp|127.0.0.1:0|grpc", "cannot be resolved"),
        (b"1|1|tcp|127.0.0.1:65536|grpc", "cannot be resolved"),
        (b"1|1|tcp|example.org:1|grpc", "is no IP address"),
        (b"1|1|tcp|192.0.2.1:1|grpc", "not on the loopback"),
        (b"1|1|unix|plugin.sock|grpc", "no absolute path"),
        (b"1|1|unix|/" + b"x" * 107 + b"|grpc", "cannot be the path of a socket"),
        (b"1|1|tcp|127.0.0.1:1", "unsupported plugin protocol 'netrpc'"),
        (b"1|1|tcp|127.0.0.1:1|netrpc", "unsupported plugin protocol 'netrpc'"),
        (b"1|1|tcp|127.0.0.1:1|filter", "unsupported plugin protocol 'filter'"),
        (b"1|1|tcp|127.0.0.1:1|grpc|" + b"A" * 51, "wants TLS"),
    ],
)
def test_refused(line: bytes, message: str) -> None:
    with pytest.raises(HandshakeError, match=message.replace("(", "\\(")):
        parse_handshake(line, "grpc")


def test_what_a_plugin_wrote_cannot_forge_a_line_of_the_log() -> None:
    with pytest.raises(HandshakeError) as error:
        parse_handshake(b"a\nb\x1b[0m" + b"c" * 1000, "grpc")
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value) and len(str(error.value)) < 300
