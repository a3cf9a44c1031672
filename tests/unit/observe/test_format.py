"""MOSN's format language."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import Address, ConnectionInfo, Headers, RequestHead, Stream
from headgate.api.errors import ConfigError
from headgate.observe.access_log import DEFAULT_FORMAT
from headgate.observe.format import compile_format

PATH = "servers[0].listeners[0].access_logs[0].log_format"


def _stream(headers: dict[str, str] | None = None) -> Stream:
    connection = ConnectionInfo(5, Address("10.0.0.9", 4000), Address("10.0.0.1", 80), "in")
    return Stream(1, RequestHead("GET", "/", Headers.of(headers or {})), connection)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", ""),
        ("plain", "plain"),
        ("%connection_id%", "5"),
        ("id=%connection_id%;", "id=5;"),
        ("%connection_id%%listener_name%", "5in"),
        (r"100\% of %connection_id%", "100% of 5"),
        (r"\%connection_id\%", "%connection_id%"),
        (r"\%%connection_id%", "%5"),
        ("back\\slash %connection_id%", "back\\slash 5"),
        ("%upstream_host%", "-"),
        ("%no such name%", "-"),
    ],
)
def test_rendering(text: str, rendered: str) -> None:
    assert compile_format(text, PATH).render(_stream()) == rendered


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%%", "empty name '%%' at position 0"),
        ("a %connection_id% %%", "empty name '%%' at position 18"),
        ("%", "'%' at position 0 opens a name that is not closed"),
        ("a %connection_id", "'%' at position 2 opens a name that is not closed"),
        ("%connection_id% 100%", "'%' at position 19 opens a name that is not closed"),
    ],
)
def test_errors_name_the_path_and_the_position(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_format(text, PATH)
    assert caught.value.path == PATH
    assert caught.value.message == message
    assert "\\%" in caught.value.hint


def test_an_unknown_name_is_warned_of_once_each(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="headgate.observe"):
        compiled = compile_format("%connection_id% %tenant% %zone%", PATH)
    assert compiled.unknown == ["tenant", "zone"]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [PATH, PATH]
    assert "'tenant'" in caplog.text


def test_an_unknown_name_has_the_value_that_a_filter_sets() -> None:
    stream = _stream()
    compiled = compile_format("%tenant%", PATH)
    stream.variables["tenant"] = "acme"
    assert compiled.render(stream) == "acme"


def test_what_stands_for_a_missing_value_can_be_chosen() -> None:
    assert compile_format("[%upstream_host%]", PATH, missing="").render(_stream()) == "[]"


def test_rendering_for_a_log_escapes_values_but_not_the_format() -> None:
    stream = _stream({"User-Agent": 'a"b\\c\tÿ'})
    compiled = compile_format('"%request_header_user-agent%"\t', PATH)
    assert compiled.render_log(stream) == '"a\\"b\\\\c\\x09ÿ"\t'
    assert compiled.render(stream) == '"a"b\\c\tÿ"\t'


def test_rendering_for_a_log_redacts_secret_headers_that_exist() -> None:
    compiled = compile_format("%request_header_authorization% %request_header_cookie%", PATH)
    assert compiled.render_log(_stream({"Authorization": "Basic c2VjcmV0"})) == "[redacted] -"
    assert compiled.render(_stream({"Authorization": "Basic c2VjcmV0"})) == "Basic c2VjcmV0 -"


def test_the_default_format_has_mosns_fields() -> None:
    compiled = compile_format(DEFAULT_FORMAT, PATH)
    assert compiled.unknown == []
    line = compiled.render_log(_stream())
    assert line == "- -  5 - - - 0 0 - 0 - false 0 - 10.0.0.1:80 10.0.0.9:4000 -"


@given(st.text(alphabet="%\\ab_ ", max_size=20))
def test_any_text_compiles_or_is_refused_with_its_path(text: str) -> None:
    try:
        compile_format(text, PATH).render_log(_stream())
    except ConfigError as error:
        assert error.path == PATH
