"""What a filter host says in words, as the log and error messages of others may carry it."""

from __future__ import annotations

from typing import Final

MAX_WORDS: Final = 1024
"""Bytes of it that are shown."""


def host_words(text: str) -> str:
    """At most 1 KiB on one line, with nothing in it that a terminal would act upon.

    The host runs code of the user's own; its words are as long as a frame may be, and may hold anything.
    """
    cut = text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + "..."
    if not cut.isprintable():
        cut = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in cut)
    data = cut.encode()
    return cut if len(data) <= MAX_WORDS else data[: MAX_WORDS - 3].decode("utf-8", "ignore") + "..."
