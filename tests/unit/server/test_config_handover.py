"""A configuration goes to several workers through one descriptor."""

from __future__ import annotations

import os

from headgate.server.config_handover import read_config, store_config


def test_every_reader_gets_the_whole_text() -> None:
    text = "line\n" * 300_000 + "end é"
    fd = store_config(text)
    readers = [os.dup(fd) for _ in range(3)]
    os.close(fd)
    assert [read_config(reader) for reader in readers] == [text] * 3


def test_an_empty_text() -> None:
    assert read_config(store_config("")) == ""
