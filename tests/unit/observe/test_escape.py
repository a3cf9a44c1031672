"""Values in log lines: nothing that a client sends may end, forge or split a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.observe.escape import escaped


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("größe", "größe"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ('say "hi"', 'say \\"hi\\"'),
        ("back\\slash", "back\\\\slash"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x85", "\\x85"),
        ("\u2028", "\\u2028"),
        ("\x7f", "\\x7f"),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\\xff\\xfe"),
        ("\ud800", "\\ud800"),
    ],
)
def test_unsafe_characters_are_escaped(value: str, expected: str) -> None:
    assert escaped(value) == expected


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_one_encodable_line(value: str) -> None:
    line = escaped(value)
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
    assert '"' not in line.replace("\\\\", "").replace('\\"', "")
