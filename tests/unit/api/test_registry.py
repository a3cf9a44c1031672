"""Registries: three ways to register, duplicates, nearest names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from headgate.api import ConfigError, ConfigRejected, StreamFilter, stream_filter
from headgate.api.errors import ExtensionLoadError, RegistrationError
from headgate.api.registry import ExtensionScope, Registration, Registry, collecting
from headgate.api.stream_filter import STREAM_FILTERS, ClassFactory, StreamFilterFactory
from headgate.runtimes.module.loader import load_extensions

SOURCE = """
from headgate.api import StreamFilter, stream_filter

@stream_filter("{name}")
class Filter(StreamFilter):
    pass
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Installs a distribution with one module and one entry point."""

    def install(module: str, source: str, entry: str) -> None:
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[headgate.stream_filters]\n{entry}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def test_an_entry_point_is_the_process_s_whoever_asks_first(distribution: Callable[[str, str, str], None]) -> None:
    """Also while an extension is being loaded, whose own registrations go into its scope."""
    distribution("dist_asked_first", SOURCE.format(name="asked_first"), "asked_first = dist_asked_first:Filter")
    scope = ExtensionScope()
    with collecting(scope):
        found = STREAM_FILTERS.find("asked_first", "", scope)
    assert not scope.registrations
    assert STREAM_FILTERS.find("asked_first", "") is found


def test_by_decorator_on_a_class() -> None:
    scope = ExtensionScope()
    with collecting(scope):

        @stream_filter("decorated")
        class Filter(StreamFilter[object]):
            pass

    registration = STREAM_FILTERS.find("decorated", "", scope)
    factory = registration.create({"a": 1})
    assert isinstance(factory, ClassFactory)
    assert factory.filter_class is Filter
    assert factory.config == {"a": 1}
    assert registration.origin == __name__


def test_by_decorator_on_a_create_function() -> None:
    class Options(BaseModel):
        limit: int

    scope = ExtensionScope()
    with collecting(scope):

        @stream_filter("created", config=Options)
        def create(config: Options) -> StreamFilterFactory:
            return ClassFactory(StreamFilter, config)

    registration = STREAM_FILTERS.find("created", "", scope)
    parsed = registration.parse({"limit": "3"}, "at")
    assert isinstance(parsed, Options)
    assert parsed.limit == 3
    assert registration.create(parsed) is not registration.create(parsed)
    with pytest.raises(ConfigRejected) as caught:
        registration.parse(None, "at")
    assert [error.path for error in caught.value.errors] == ["at.limit"]


def test_faults_of_a_configuration_are_told_in_the_words_of_all_others() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")
        limit: int
        name: str = ""

        @field_validator("name")
        @classmethod
        def _named(cls, value: str) -> str:
            raise ValueError("no name fits")

    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("strict", config=Strict)(StreamFilter)
    with pytest.raises(ConfigRejected) as caught:
        STREAM_FILTERS.find("strict", "", scope).parse({"nmae": "secret", "name": "secret"}, "at")
    assert sorted(error.render() for error in caught.value.errors) == ["at.limit: missing", "at.name: no name fits", "at.nmae: unknown key"]


def test_by_extensions_path(tmp_path: Path) -> None:
    (tmp_path / "ext.py").write_text(SOURCE.format(name="by_path"))
    scope = load_extensions(["./ext.py"], tmp_path)
    assert STREAM_FILTERS.find("by_path", "", scope).name == "by_path"
    assert "by_path" in STREAM_FILTERS.names(scope)
    assert "by_path" not in STREAM_FILTERS.names()
    with pytest.raises(ConfigError):
        STREAM_FILTERS.find("by_path", "")


def test_by_entry_point(distribution: Callable[[str, str, str], None]) -> None:
    distribution("headgate_fake_dist", SOURCE.format(name="by_entry_point"), "by_entry_point = headgate_fake_dist:Filter")
    assert "by_entry_point" in STREAM_FILTERS.names()
    registration = STREAM_FILTERS.find("by_entry_point", "")
    assert registration.origin == "headgate_fake_dist"
    assert STREAM_FILTERS.find("by_entry_point", "") is registration, "loaded once"


def test_entry_point_that_cannot_be_imported(distribution: Callable[[str, str, str], None]) -> None:
    distribution("headgate_broken_dist", "raise RuntimeError('no key')\n", "broken_dist = headgate_broken_dist:Filter")
    with pytest.raises(ExtensionLoadError, match=r"headgate\.stream_filters:broken_dist .*no key"):
        STREAM_FILTERS.find("broken_dist", "")


def test_entry_point_that_registers_nothing(distribution: Callable[[str, str, str], None]) -> None:
    distribution("headgate_idle_dist", "VALUE = 1\n", "idle_dist = headgate_idle_dist:VALUE")
    with pytest.raises(ExtensionLoadError, match="registered nothing under 'idle_dist'"):
        STREAM_FILTERS.find("idle_dist", "")


def test_one_name_twice_in_a_scope() -> None:
    with collecting(ExtensionScope()):
        stream_filter("twice")(StreamFilter)
        with pytest.raises(RegistrationError, match="'twice' is registered twice"):
            stream_filter("twice")(StreamFilter)


def test_one_name_twice_in_the_process_and_in_a_scope() -> None:
    registry: Registry[object] = Registry("tested_things")
    registry.register("one", object, origin="first")
    with pytest.raises(RegistrationError, match="by first and by second"):
        registry.register("one", object, origin="second")
    with collecting(ExtensionScope()), pytest.raises(RegistrationError):
        registry.register("one", object, origin="third")
    del Registry.all["tested_things"]


def test_scopes_do_not_see_each_other() -> None:
    scopes = ExtensionScope(), ExtensionScope()
    for scope in scopes:
        with collecting(scope):
            stream_filter("same")(StreamFilter)
    found = [STREAM_FILTERS.find("same", "", scope) for scope in scopes]
    assert found[0] is not found[1]


@pytest.mark.parametrize("target", [int, object(), StreamFilterFactory])
def test_what_cannot_be_registered(target: object) -> None:
    with pytest.raises(RegistrationError, match="expected a StreamFilter subclass or a create function"):
        stream_filter("wrong")(target)


def test_nearest_name() -> None:
    scope = ExtensionScope()
    with collecting(scope):
        stream_filter("jwt_auth")(StreamFilter)
    with pytest.raises(ConfigError) as caught:
        STREAM_FILTERS.find("jwt_aut", "servers[0].x", scope)
    assert caught.value.render() == "servers[0].x: unknown stream filter 'jwt_aut' (did you mean 'jwt_auth'?)"


def test_nothing_known() -> None:
    registry: Registry[object] = Registry("tested_things")
    with pytest.raises(ConfigError) as caught:
        registry.find("one", "at")
    assert caught.value.render() == "at: unknown tested thing 'one' (known: none)"
    del Registry.all["tested_things"]


def test_every_registry_is_listed() -> None:
    assert Registry.all["stream_filters"] is STREAM_FILTERS


def test_raw_configuration_passes_without_a_type() -> None:
    registration: Registration[object] = Registration("a", object, None, "here")
    assert registration.parse(None, "at") == {}
    assert registration.parse({"User": 1}, "at") == {"User": 1}
