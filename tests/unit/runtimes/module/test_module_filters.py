"""The stream filter type ``module``: a Python file named by an entry."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headgate.api import ConfigRejected
from headgate.testing import FilterTester

AUTH = """
from headgate.api import FilterCallbacks, Status, Stream, StreamFilter, StreamFilterFactory

class Auth(StreamFilter[dict[str, str]]):
    def on_receive(self, stream: Stream) -> Status:
        for name, value in self.config.items():
            if stream.request.headers.get(name) != value:
                stream.reply(403, {"X-Version": VERSION})
                return Status.STOP
        return Status.CONTINUE

class Factory(StreamFilterFactory):
    def __init__(self, config: dict[str, str]) -> None:
        self.config = config

    def create_filter_chain(self, callbacks: FilterCallbacks) -> None:
        callbacks.add(Auth(self.config))

def create_filter_factory(config: dict[str, str]) -> StreamFilterFactory:
    return Factory(config)

VERSION = "1"
"""


def loaded(path: Path, config: dict[str, object] | None = None, **entry: object) -> FilterTester:
    return FilterTester("module", config or {"User": "admin"}, entry={"path": str(path), **entry})


def written(folder: Path, text: str, name: str = "auth.py") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def finding(path: Path, config: dict[str, object] | None = None, **entry: object) -> str:
    with pytest.raises(ConfigRejected) as caught:
        loaded(path, config, **entry)
    (error,) = caught.value.errors
    return error.render()


@pytest.mark.parametrize("factory", ["", "create_filter_factory", "Auth"])
def test_a_create_function_or_a_class_of_a_file(tmp_path: Path, factory: str) -> None:
    auth = loaded(written(tmp_path, AUTH), factory=factory)
    assert auth.request("GET", "/", {"User": "admin"}).status == 200
    assert auth.request("GET", "/").status == 403


def test_two_files_of_one_name_do_not_collide_and_import_their_own_siblings(tmp_path: Path) -> None:
    for number in ("one", "two"):
        written(tmp_path / number, f'NUMBER = "{number}"', "sibling.py")
        written(tmp_path / number, AUTH.replace('VERSION = "1"', "from sibling import NUMBER as VERSION"))
    answers = [loaded(tmp_path / number / "auth.py").request().headers.get("x-version") for number in ("one", "two")]
    assert answers == ["one", "two"]


def test_the_configuration_is_validated_by_the_parameter_s_type(tmp_path: Path) -> None:
    assert "stream_filters[0].config.User" in finding(written(tmp_path, AUTH), {"User": ["admin"]})
    by_class = AUTH.replace("class Auth(StreamFilter[dict[str, str]]):", "class Auth(StreamFilter):\n    config_type = dict[str, str]")
    assert "stream_filters[0].config.User" in finding(written(tmp_path, by_class), {"User": ["admin"]}, factory="Auth")


@pytest.mark.parametrize("factory", ["create_filter_factory", "Auth"])
def test_a_route_s_configuration(tmp_path: Path, factory: str) -> None:
    path = written(tmp_path, AUTH.replace("class Auth(StreamFilter[dict[str, str]]):", "class Auth(StreamFilter):\n    phase = 1"))
    routes: list[dict[str, object]] = [
        {"match": {"prefix": "/own"}, "route": {"cluster_name": "upstream"}, "per_filter_config": {"module": {"User": "other"}}},
        {"match": {"prefix": "/"}, "route": {"cluster_name": "upstream"}},
    ]
    auth = FilterTester("module", {"User": "admin"}, entry={"path": str(path), "factory": factory}, routes=routes)
    assert auth.request("GET", "/own", {"User": "other"}).status == 200
    assert auth.request("GET", "/", {"User": "other"}).status == 403


def test_faulty_files_are_named_with_file_and_line(tmp_path: Path) -> None:
    assert "no such file" in finding(tmp_path / "none.py")
    broken = written(tmp_path, "def broken(:\n")
    assert f"{broken}:1" in finding(broken)
    raising = written(tmp_path, AUTH.replace("return Factory(config)", 'raise RuntimeError("no database")'))
    text = finding(raising)
    assert "no database" in text and f"{raising}:" in text
    exiting = written(tmp_path, "import sys\nsys.exit(3)\n")
    assert f"{exiting}:2" in finding(exiting)


def test_a_missing_export_names_the_nearest(tmp_path: Path) -> None:
    assert "did you mean 'create_filter_factory'?" in finding(written(tmp_path, AUTH), factory="create_filter_factor")
    assert "neither a create function" in finding(written(tmp_path, AUTH), factory="VERSION")
    assert "not a StreamFilterFactory" in finding(written(tmp_path, AUTH.replace("return Factory(config)", "return None")))


def test_a_shared_object_is_told_from_a_module(tmp_path: Path) -> None:
    shared = tmp_path / "auth.so"
    shared.write_bytes(b"\x7fELF" + bytes(100))
    assert 'write "type": "native"' in finding(shared)


def test_mosn_s_way_of_naming_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, AUTH)
    entry = {"go_plugin_config": {"so_path": str(path), "factory_method": "create_filter_factory"}}
    auth = FilterTester("loadso", {"User": "admin"}, entry=entry)
    assert auth.request("GET", "/", {"User": "admin"}).status == 200
    assert auth.request("GET", "/").status == 403


def test_a_path_belongs_to_filters_that_are_loaded_from_a_file() -> None:
    with pytest.raises(ConfigRejected) as caught:
        FilterTester("plugin", {"plugin": "checker"}, entry={"path": "x.py"})
    assert "only a filter of type" in str(caught.value)
    with pytest.raises(ConfigRejected) as caught:
        FilterTester("module", {})
    assert "stream_filters[0].path: missing" in str(caught.value)


LIFE = """
from headgate.api import StreamFilterFactory

class Factory(StreamFilterFactory):
    def __init__(self, log):
        self.log = log

    def create_filter_chain(self, callbacks):
        pass

    def start(self):
        open(self.log, "a").write("started ")

    def close(self):
        open(self.log, "a").write("closed ")

def create_filter_factory(config: dict[str, str]):
    return Factory(config["log"])
"""


def left_behind() -> set[str]:
    """Modules of files that were loaded by path."""
    return {name for name in sys.modules if name.startswith("headgate_extension_")}


@pytest.mark.parametrize("factory", ["create_filter_factory", "Auth"])
def test_what_was_loaded_goes_with_its_configuration(tmp_path: Path, factory: str) -> None:
    before = left_behind()
    auth = FilterTester("module", {"User": "admin"}, entry={"path": str(written(tmp_path, AUTH)), "factory": factory})
    for _ in range(3):
        assert auth.request("GET", "/", {"User": "admin"}).status == 200
    assert left_behind() == before


def test_a_factory_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    before = left_behind()
    finding(written(tmp_path, AUTH.replace("return Factory(config)", "raise RuntimeError")))
    finding(written(tmp_path, AUTH), factory="nothing")
    finding(written(tmp_path, AUTH), {"User": ["admin"]})
    assert left_behind() == before


def test_a_file_s_factory_is_started_and_closed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    life = FilterTester("module", {"log": str(log)}, entry={"path": str(written(tmp_path, LIFE))})
    log.write_text("")
    assert life.request().status == 200
    assert log.read_text() == "started closed "
