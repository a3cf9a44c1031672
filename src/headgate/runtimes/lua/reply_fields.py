"""Header fields of a reply, several of one name included."""

from __future__ import annotations


class ReplyFields(dict[str, str]):
    """Looks like a mapping to what takes a reply; its items are a list of pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]  # a view of pairs is all that a reply asks for
        return self.fields
