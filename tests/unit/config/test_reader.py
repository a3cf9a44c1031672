from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.api.errors import ConfigError
from headgate.config import reader
from headgate.config.keys import RepeatedKeys
from headgate.config.reader import read_file


def _message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    return caught.value.render()


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_json(tmp_path: Path) -> None:
    assert read_file(_write(tmp_path, "a.json", '\ufeff{"a": [1, 2.5, true, null, "\u00e4"]}')) == {"a": [1, 2.5, True, None, "\u00e4"]}


def test_yaml_by_its_ending(tmp_path: Path) -> None:
    text = "a: 1\nb: yes\nc: 2024-01-02\nd: 12:30:45\ne: 0x10\nf: 1.5\ng: 1e3\nh: ~\n<<: {i: 1}\n"
    expected = {"a": 1, "b": True, "c": "2024-01-02", "d": "12:30:45", "e": 16, "f": 1.5, "g": "1e3", "h": None, "i": 1}
    assert read_file(_write(tmp_path, "a.yaml", text)) == expected
    assert read_file(_write(tmp_path, "a.YML", text)) == expected
    assert "expecting value" in _message(_write(tmp_path, "a.json", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,}', "line 1, column 8: illegal trailing comma before end of object"),
        ('{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expecting ',' delimiter"),
        ('{\n  // why\n  "a": 1}', "line 2, column 3: comments are not allowed in JSON"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": Infinity}', "Infinity is not a JSON number"),
        ('{"a": 1} x', "line 1, column 10: extra data"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"),
    ],
)
def test_bad_json(tmp_path: Path, text: str, expected: str) -> None:
    path = _write(tmp_path, "a.json", text)
    message = _message(path)
    if "trailing comma" in expected:  # worded differently before Python 3.13
        assert message.startswith(f"{path}: line 1, column ")
    else:
        assert message == f"{path}: {expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1\n", "line 2: a tab indents this line, which YAML does not allow (indent with spaces)"),
        ("a:\n  b: 1\n \tc: 2\n", "line 3: a tab indents this line, which YAML does not allow (indent with spaces)"),
        ("a: 1\n  b: 2\n", "line 2, column 4: mapping values are not allowed in this context"),
        ("a: [1\n", "line 2, column 1: did not find expected ',' or ']'"),
        ("a: !!python/object:os.system {}\n", None),
        ("a: *b\n", "line 1, column 4: found undefined alias"),
        ("a: 1\n---\nb: 2\n", None),
    ],
)
def test_bad_yaml(tmp_path: Path, text: str, expected: str | None) -> None:
    path = _write(tmp_path, "a.yaml", text)
    message = _message(path)
    assert message.startswith(f"{path}: line ")
    assert "\n" not in message
    if expected is not None and reader._Base.__name__ == "CSafeLoader":
        assert message == f"{path}: {expected}"


def test_yaml_aliases_cannot_grow_without_bound(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    path = _write(tmp_path, "a.yaml", "\n".join(lines))
    assert _message(path) == f"{path}: its aliases stand for more than five million values"
    assert _message(_write(tmp_path, "b.yaml", "a: &a [*a]\n")).endswith("its aliases stand for more than five million values")


def test_yaml_nested_deeply(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.yaml", "[" * 20_000)
    assert _message(path).startswith(f"{path}: ")


def test_repeated_keys_are_marked(tmp_path: Path) -> None:
    found = read_file(_write(tmp_path, "a.json", '{"a": 1, "b": 2, "a": 3}'))
    assert isinstance(found, RepeatedKeys)
    assert found.repeated == ["'a'"]
    found = read_file(_write(tmp_path, "a.yaml", "a: 1\nb: 2\na: 3\n"))
    assert isinstance(found, RepeatedKeys)
    assert found.repeated == ["'a' (lines 1 and 3)"]


def test_unreadable(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    assert _message(missing) == f"{missing}: no such file or directory"
    assert _message(tmp_path) == f"{tmp_path}: is a directory (name a file in it)"
    empty = _write(tmp_path, "empty.json", " \n")
    assert _message(empty) == f"{empty}: the file is empty"
    latin = _write(tmp_path, "latin.json", b'{\n"a": "\xe4"}')
    assert _message(latin) == f"{latin}: line 2: not UTF-8"
    fifo = tmp_path / "fifo.json"
    os.mkfifo(fifo)
    assert _message(fifo) == f"{fifo}: is not a regular file"
    assert "null" in _message(Path("/a\0b"))


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_FILE_SIZE", 1 << 20)
    path = _write(tmp_path, "a.json", " " * (1 << 20) + "{}")
    assert _message(path) == f"{path}: larger than 1 MiB"
