"""What can be wrong with a shared object: each is one clear finding at load."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from headgate.api import ConfigRejected
from headgate.cli import main
from headgate.runtimes.native import abi
from headgate.runtimes.native.crash_note import CrashNote, create_note, entry_note
from headgate.testing import FilterTester
from tests.native.build import FOLDER, build

MINIMAL = """
#include <headgate_filter.h>
uint32_t headgate_abi_version(void) { return VERSION; }
hg_factory *headgate_factory_create(const hg_host *h, const char *c, size_t l, hg_error *e) {
  (void)h; (void)c; (void)l; (void)e;
  return (hg_factory *)1;
}
void headgate_factory_destroy(hg_factory *f) { (void)f; }
int32_t headgate_on_request(hg_factory *f, hg_filter *x, hg_stream *s, const hg_head *h, hg_error *e) {
  (void)f; (void)x; (void)s; (void)h; (void)e; return HG_CONTINUE;
}
"""


def finding(path: Path, config: dict[str, object] | None = None) -> str:
    """Why an entry is refused."""
    with pytest.raises(ConfigRejected) as caught:
        FilterTester("native", config or {}, entry={"path": str(path)})
    (error,) = caught.value.errors
    return error.render()


def made(folder: Path, text: str, *options: str) -> Path:
    """A shared object from a C text."""
    source = folder / "module.c"
    source.write_text(text)
    return build(source, folder / "module.so", "-Wno-unused-function", *options)


def test_a_minimal_module_loads(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL, "-DVERSION=HG_ABI_VERSION")
    assert FilterTester("native", {}, entry={"path": str(module)}).request().status == 200


def test_what_stays_loaded_keeps_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for status in (200, 403, 404):
        text = MINIMAL.replace("return HG_CONTINUE;", f"host->reply(s, {status}, 0, 0, 0, 0); return HG_STOP;")
        text = text.replace("(void)h; (void)c;", "host = h; (void)c;").replace(
            "uint32_t headgate_abi", "static const hg_host *host;\nuint32_t headgate_abi"
        )
        module = made(tmp_path, text, "-DVERSION=HG_ABI_VERSION")
        assert FilterTester("native", {}, entry={"path": str(module)}).request().status == status, "the new code, not what is loaded"
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_later_minor_version_loads(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL, "-DVERSION=(HG_ABI_VERSION+7)")
    assert FilterTester("native", {}, entry={"path": str(module)}).request().status == 200


def test_a_module_built_with_the_first_header_loads_and_works(tmp_path: Path) -> None:
    """The promise of the header: major 1 loads in every Headgate that speaks major 1."""
    module = build(FOLDER / "exercise.c", tmp_path / "exercise.so", include=FOLDER / "abi_1_0")
    exchange = FilterTester("native", {}, entry={"path": str(module)}).request("GET", "/", {"Do": "set"})
    assert exchange.upstream[0].headers.get("x-new") == "one"


def test_what_the_first_header_laid_down_has_kept_its_place(tmp_path: Path) -> None:
    printed = []
    for number, include in enumerate((FOLDER / "abi_1_0", abi.INCLUDE_DIR)):
        program = tmp_path / f"offsets-{number}"
        subprocess.run(["cc", "-std=c11", f"-I{include}", "-o", program, FOLDER / "abi_1_0" / "offsets.c"], check=True)
        printed.append(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    assert printed[0] == printed[1]
    assert "plugin_call" in printed[0]


def test_another_major_version_is_refused(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL, "-DVERSION=((2u<<16)|3)")
    assert "speaks version 2.3 of the filter ABI, this Headgate 1.2" in finding(module)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    assert "stream_filters[0].path" in finding(tmp_path / "none.so")
    assert "No such file" in finding(tmp_path / "none.so")
    text = tmp_path / "text.so"
    text.write_text("not a shared object, just words that go on for more than sixty-four bytes in all")
    assert "is not a shared object" in finding(text)


def test_another_machine_s_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(made(tmp_path, MINIMAL, "-DVERSION=HG_ABI_VERSION").read_bytes())
    content[18:20] = (183 if content[18] != 183 else 62).to_bytes(2, "little")
    other = tmp_path / "other.so"
    other.write_bytes(content)
    assert re.search(r"was built for \w+, this machine is \w+", finding(other))


@pytest.mark.parametrize("name", abi.REQUIRED)
def test_missing_exports_are_named(tmp_path: Path, name: str) -> None:
    module = made(tmp_path, MINIMAL.replace(name, f"not_{name}"), "-DVERSION=HG_ABI_VERSION")
    assert f"does not export {name}" in finding(module)


def test_a_module_without_hooks_is_refused(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL.replace("headgate_on_request", "not_a_hook"), "-DVERSION=HG_ABI_VERSION")
    assert "exports no hook" in finding(module)


def test_an_unresolved_symbol_is_named(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL + "extern int nowhere(void); int use_it(void) { return nowhere(); }", "-DVERSION=HG_ABI_VERSION")
    assert "nowhere" in finding(module)


def test_a_go_plugin_is_explained(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL + 'const char marker[] = "go:link.thispluginpath";', "-DVERSION=HG_ABI_VERSION")
    assert "-buildmode=c-shared" in finding(module)
    with pytest.raises(ConfigRejected) as caught:
        FilterTester("loadso", {}, entry={"go_plugin_config": {"so_path": str(module)}})
    assert "-buildmode=c-shared" in str(caught.value)


def test_mosn_s_way_of_naming_a_shared_object(tmp_path: Path) -> None:
    module = made(tmp_path, MINIMAL.replace("return HG_CONTINUE", "return HG_FAILED"), "-DVERSION=HG_ABI_VERSION")
    entry = {"go_plugin_config": {"so_path": str(module), "factory_method": "CreateFactory"}}
    assert FilterTester("loadso", {}, entry=entry).request().status == 500


def test_the_header_is_where_the_command_says() -> None:
    result = CliRunner().invoke(main, ["include-dir"], catch_exceptions=False)
    assert Path(result.output.strip()) == abi.INCLUDE_DIR
    assert (abi.INCLUDE_DIR / "headgate_filter.h").is_file()


@pytest.mark.parametrize("options", [("-std=c11", "-pedantic"), ("-std=c++17", "-x", "c++")])
def test_the_header_needs_nothing_but_a_compiler(tmp_path: Path, options: tuple[str, ...]) -> None:
    source = tmp_path / "alone.c"
    source.write_text("#include <headgate_filter.h>\nint main(void) { return 0; }")
    command = ["cc", "-Wall", "-Wextra", "-Werror", f"-I{abi.INCLUDE_DIR}", *options, "-o", str(tmp_path / "alone"), str(source)]
    subprocess.run(command, check=True)


def test_a_factory_that_refuses(exercise: Path) -> None:
    assert finding(exercise, {"mode": "refuse"}).endswith("stream_filters[0].config: refused by the module")
    assert "without saying why" in finding(exercise, {"mode": "silent"})


def test_a_plugin_that_cannot_be_had_is_the_module_s_to_refuse(exercise: Path) -> None:
    assert "no plugin" in finding(exercise, {"mode": "plugin"})


def test_a_replaced_file_is_loaded_anew(tmp_path: Path) -> None:
    reply = MINIMAL.replace("return HG_CONTINUE;", "return ANSWER;")
    first = made(tmp_path, reply, "-DVERSION=HG_ABI_VERSION", "-DANSWER=HG_CONTINUE")
    old = FilterTester("native", {}, entry={"path": str(first)}).proxy()
    made(tmp_path, reply, "-DVERSION=HG_ABI_VERSION", "-DANSWER=HG_FAILED")  # the same path, overwritten in place
    assert FilterTester("native", {}, entry={"path": str(first)}).request().status == 500
    assert old is not None


def test_the_declarations_are_the_header_s(tmp_path: Path) -> None:
    """Sizes and offsets as the C compiler sees them."""
    members = [name for name, _ in abi.FFI.typeof("hg_host").fields]
    lines = [f'printf("%zu\\n", offsetof(hg_host, {name}));' for name in members]
    sizes = ("hg_host", "hg_head", "hg_error", "hg_pair", "hg_text", "hg_module_info")
    lines += [f'printf("%zu\\n", sizeof({name}));' for name in sizes]
    lines.append('printf("%u\\n", HG_ABI_VERSION);')
    source = tmp_path / "sizes.c"
    source.write_text("#include <headgate_filter.h>\n#include <stdio.h>\nint main(void) {" + "".join(lines) + "return 0; }")
    program = tmp_path / "sizes"
    subprocess.run(["cc", f"-I{abi.INCLUDE_DIR}", "-o", program, source], check=True)
    printed = [int(line) for line in subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()]
    expected = [abi.FFI.offsetof("hg_host", name) for name in members] + [abi.FFI.sizeof(name) for name in sizes]
    expected.append(abi.ABI_MAJOR << 16 | abi.ABI_MINOR)
    assert printed == expected
    assert len(members) - 3 <= 50, "the number of host functions that the ABI may have"


def test_a_crash_note_survives_in_shared_memory() -> None:
    fd = create_note()
    writer, reader = CrashNote(), CrashNote()
    writer.attach(fd)
    reader.attach(fd)
    assert reader.read() is None
    writer.enter(entry_note("listener", "auth"))
    assert reader.read() == ("listener", "auth")
    writer.leave()
    assert reader.read() is None
    writer.enter(entry_note("l" * 2000, "n"))
    assert reader.read() is None, "cut off, so it names nobody"


def test_a_crash_note_names_whoever_is_entered() -> None:
    fd, other = create_note(), create_note()
    writer, reader, second = CrashNote(), CrashNote(), CrashNote()
    writer.attach(fd)
    reader.attach(fd)
    second.attach(other)
    auth, limit = entry_note("listener", "auth"), entry_note("l", "limit")
    for entry, name in ((auth, "auth"), (auth, "auth"), (limit, "limit"), (auth, "auth")):
        writer.enter(entry)
        assert (reader.read() or ("", ""))[1] == name
        writer.leave()
        assert reader.read() is None
    writer.attach(other)
    writer.enter(auth)
    assert second.read() == ("listener", "auth")
