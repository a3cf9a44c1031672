from __future__ import annotations

import re

import pytest

from headgate.config.sizes import PATTERN, SizeError, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1B", 1),
        ("64KiB", 65536),
        ("64kb", 65536),
        ("1 MiB", 1 << 20),
        ("2M", 2 << 20),
        ("1gib", 1 << 30),
        ("3TB", 3 << 40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert re.fullmatch(PATTERN, text)


@pytest.mark.parametrize("text", ["", "KiB", "-1", "1.5MiB", "1 PiB", "1Ki B", "9999999999999999999", "9000000TB"])
def test_refused(text: str) -> None:
    with pytest.raises(SizeError):
        parse_size(text)
