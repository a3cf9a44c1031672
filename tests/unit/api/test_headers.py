"""Header fields: several of one name, any case, no injection, any bytes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import HeaderError, Headers, RequestHead
from headgate.protocols.http1.encoder import field_lines

token = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12)
anything = st.text(max_size=12)
good_value = st.text(st.characters(blacklist_categories=("Cc", "Cs")) | st.just("\t"), max_size=12)


def test_case_does_not_matter_but_is_kept_on_the_wire() -> None:
    headers = Headers.of({"X-One": "1"})
    assert headers.get("x-ONE") == "1"
    assert headers["X-one"] == "1"
    assert "x-one" in headers
    assert list(headers) == ["x-one"]
    assert headers.lines == [b"X-One: 1"]


def test_several_fields_of_one_name() -> None:
    headers = Headers()
    for name, value in (("A", "1"), ("B", "2"), ("a", "3")):
        headers.add(name, value)
    assert headers.get("A") == "1"
    assert headers.get_all("a") == ["1", "3"]
    assert headers.get_joined("a") == "1, 3"
    assert headers.items() == [("a", "1"), ("b", "2"), ("a", "3")]
    headers.set("A", "4")
    assert headers.items() == [("a", "4"), ("b", "2")], "in the place of the first"
    assert headers.remove("a")
    assert not headers.remove("a")
    assert len(headers) == 1


def test_absent() -> None:
    headers = Headers()
    assert headers.get("a") is None
    assert headers.get("a", "x") == "x"
    assert headers.get_all("a") == []
    assert headers.get_joined("a") is None
    assert 3 not in headers
    with pytest.raises(KeyError):
        headers["a"]


def test_copies_are_independent() -> None:
    headers = Headers.of({"A": "1"})
    copy = headers.copy()
    copy.set("A", "2")
    assert headers.get("a") == "1"
    assert copy != headers
    assert Headers.of({"a": "1"}) == headers


def test_white_space_around_a_value_goes() -> None:
    headers = Headers.of({"A": " \t1 2\t "})
    assert headers.get("A") == "1 2"


@pytest.mark.parametrize("name", ["", " ", "A B", "A:", ":a", "A\r\nB", "A\n", "Ä", "A\x00", "(a)"])
def test_names_that_are_none(name: str) -> None:
    headers = Headers()
    for write in (headers.add, headers.set):
        with pytest.raises(HeaderError):
            write(name, "1")
    assert len(headers) == 0


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\rb", "a\x00b", "\x7f", "\x0b", "\x1f", "a\r\n\r\nGET / HTTP/1.1"])
def test_values_that_would_split_a_message(value: str) -> None:
    headers = Headers.of({"A": "before"})
    for write in (headers.add, headers.set):
        with pytest.raises(HeaderError):
            write("A", value)
    assert headers.items() == [("a", "before")]
    with pytest.raises(ValueError, match="control character"):
        Headers.of({"A": value})


@given(name=anything, value=anything)
def test_whatever_is_written_stays_one_line(name: str, value: str) -> None:
    headers = Headers()
    try:
        headers.add(name, value)
    except HeaderError:
        assert len(headers) == 0
        return
    except UnicodeEncodeError:
        assert any("\ud800" <= character <= "\udfff" for character in value)
        return
    (line,) = headers.lines
    assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
    assert line.count(b": ") >= 1
    assert headers.get(name) == value.strip(" \t")


@given(data=st.binary(max_size=20).filter(lambda data: not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", data)))
def test_bytes_that_are_no_utf_8_survive(data: bytes) -> None:
    data = data.strip(b" \t")
    headers = Headers()
    headers.append_line("a", b"A: " + data)
    value = headers["a"]
    headers.set("B", value)
    assert headers.lines[1] == b"B: " + data


@given(fields=st.lists(st.tuples(token, good_value), max_size=8))
def test_order_and_values_are_kept(fields: list[tuple[str, str]]) -> None:
    headers = Headers()
    for name, value in fields:
        headers.add(name, value)
    assert headers.items() == [(name.lower(), value.strip(" \t")) for name, value in fields]
    for name, _ in fields:
        assert headers.get_all(name) == [value.strip(" \t") for other, value in fields if other.lower() == name.lower()]


@given(fields=st.lists(st.tuples(st.sampled_from("ABCab"), good_value), max_size=8), name=st.sampled_from("aBc"), value=good_value)
def test_set_leaves_one(fields: list[tuple[str, str]], name: str, value: str) -> None:
    headers = Headers()
    for key, text in fields:
        headers.add(key, text)
    others = [item for item in headers.items() if item[0] != name.lower()]
    headers.set(name, value)
    assert headers.get_all(name) == [value.strip(" \t")]
    assert [item for item in headers.items() if item[0] != name.lower()] == others


def test_what_a_filter_writes_about_framing_is_not_sent() -> None:
    headers = Headers.of({"A": "1", "Content-Length": "9", "Transfer-Encoding": "chunked", "Connection": "close", "TE": "x"})
    assert field_lines(headers) == b"A: 1"


@pytest.mark.parametrize("target", ["x", "", "/a b", "/a\r\nX: 1", "/ä", "/a#b", "/\x7f"])
def test_a_path_that_would_split_the_request_line(target: str) -> None:
    request = RequestHead("GET", "/old?q", Headers())
    with pytest.raises(HeaderError):
        request.path = target
    assert request.target == "/old?q"


def test_parts_of_a_request() -> None:
    request = RequestHead("GET", "/a%20b?x=1?", Headers.of({"Host": "a.test:81"}))
    assert (request.path, request.query, request.decoded_path, request.authority) == ("/a%20b", "x=1?", "/a b", "a.test:81")
    request.path = "/c"
    assert request.target == "/c?x=1?"
    request.authority = "b.test"
    assert request.headers.get_all("host") == ["b.test"]
    bare = RequestHead("GET", "/a", Headers())
    assert (bare.query, bare.authority) == (None, "")


def test_a_lone_surrogate_that_stands_for_no_byte_is_refused() -> None:
    with pytest.raises(HeaderError):
        Headers().set("X-A", "\ud800")
