"""The skeletons that ``headgate new`` writes, from ``headgate/templates``.

A template is a folder: ``templates/KIND/LANGUAGE``, with ``templates/KIND/shared`` laid under it where a kind's languages have files in
common. Its files are working ones, so that tools can read them; ``skeleton-name``, ``skeleton_name``, ``SkeletonName`` and
``Skeleton-name``, in texts and in file names, stand for the name in its spellings. ``template.json`` has what else is to be replaced
(``values``) and the commands to go on with (``next``). A new kind or language is a new folder.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import headgate
from headgate.api.errors import HeadgateError

TEMPLATES: Final = Path(headgate.__file__).parent / "templates"
_SHARED: Final = "shared"
_FACTS: Final = "template.json"
_IGNORED: Final = frozenset({_FACTS, "__pycache__"})
_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*\Z")
_TAKEN: Final = frozenset(
    {"headgate", "main", "plugin", "shared"}
    # As classes these would hide what the programs use.
    | {"files", "function", "gson", "map", "object", "override", "path", "request", "response"}
)


class SkeletonError(HeadgateError):
    """A skeleton that cannot be written: an unusable name, an unknown language, a folder that is there already."""


@dataclass(frozen=True)
class Skeleton:
    """What is to be written.

    :ivar files: path within the new folder -> text
    :ivar next: commands to go on with
    """

    files: dict[str, str]
    next: list[str]

    def write(self, folder: Path) -> None:
        """Write it into a folder that is not there yet, or is empty. A file that starts with ``#!`` can be executed.

        :raises SkeletonError: if there is something in it, or it cannot be written
        """
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise SkeletonError(f"{folder} is there already; name another place with --into")
            for name, text in self.files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                if text.startswith("#!"):
                    path.chmod(0o755)
        except OSError as error:
            raise SkeletonError(f"{error.filename}: {error.strerror}") from error


def kinds() -> list[str]:
    """What can be made: the kinds of templates."""
    return _folders(TEMPLATES)


def languages(kind: str) -> list[str]:
    """The languages of a kind; Python first where it is one of them."""
    return sorted((name for name in _folders(TEMPLATES / kind) if name != _SHARED), key=lambda name: (name != "python", name))


def make(kind: str, name: str, language: str | None, folder: Path) -> Skeleton:
    """Fill a template in.

    :param kind: one of :func:`kinds`
    :param name: lower-case words, joined by ``-`` or ``_``
    :param language: one of :func:`languages`; None: the first of them
    :param folder: where it is going to be, as the commands to go on with have it
    :raises SkeletonError: if name or language will not do
    """
    _check_name(name)
    known = languages(kind)
    language = language or known[0]
    if language not in known:
        raise SkeletonError(f"no template for {kind} in {language}; there are: {', '.join(known)}")
    template = TEMPLATES / kind / language
    facts = json.loads((template / _FACTS).read_text(encoding="utf-8"))
    files: dict[str, str] = {}
    for root in (TEMPLATES / kind / _SHARED, template):
        for path in _files(root):
            text = path.read_text(encoding="utf-8")
            for old, new in facts["values"].items():
                text = text.replace(old, new)
            files[named(str(path.relative_to(root)), name)] = named(text, name)
    return Skeleton(files, [named(line, name).replace("skeleton_folder", str(folder)) for line in facts["next"]])


def named(text: str, name: str) -> str:
    """A template's text with the name in place of the skeleton's."""
    words = re.split("[-_]", name)
    for old, new in (
        ("skeleton-name", name),
        ("Skeleton-name", name.capitalize()),
        ("skeleton_name", "_".join(words)),
        ("SkeletonName", "".join(word.capitalize() for word in words)),
    ):
        text = text.replace(old, new)
    return text


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise SkeletonError(f"not a name that can be used: {name!r} (lower-case letters and digits, words joined by - or _)")
    module = name.replace("-", "_")
    if module in _TAKEN or module in sys.stdlib_module_names or keyword.iskeyword(module):
        raise SkeletonError(f"the name {name} means something else already; choose another")


def _folders(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.is_dir() and path.name not in _IGNORED)


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and not _IGNORED & set(path.relative_to(root).parts))
