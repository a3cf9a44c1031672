"""A filter that marks requests with its version, in every language, as files that can be replaced: what the tests of swaps swap."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.native.build import build

Write = Callable[[Path, str], None]
"""Writes a version to a path."""

PYTHON = """
from headgate.api import StreamFilter

class Marker(StreamFilter):
    def on_receive(self, stream):
        stream.request.headers.set("X-Version", "{version}")
"""

REGISTERED = PYTHON.replace("import StreamFilter", "import StreamFilter, stream_filter").replace("class", '@stream_filter("marker")\nclass')
"""The same as an extension, under the name ``marker``."""

C = """
#include <headgate_filter.h>
static const hg_host *host;
uint32_t headgate_abi_version(void) {{ return HG_ABI_VERSION; }}
hg_factory *headgate_factory_create(const hg_host *given, const char *config, size_t length, hg_error *error) {{
  (void)config; (void)length; (void)error;
  host = given;
  return (hg_factory *)&host;
}}
void headgate_factory_destroy(hg_factory *factory) {{ (void)factory; }}
int32_t headgate_on_request(hg_factory *factory, hg_filter *filter, hg_stream *stream, const hg_head *head, hg_error *error) {{
  (void)factory; (void)filter; (void)head; (void)error;
  host->request_header_set(stream, "X-Version", 9, "{version}", sizeof "{version}" - 1);
  return HG_CONTINUE;
}}
"""

LUA = """
function envoy_on_request(handle)
  handle:headers():replace("x-version", "{version}")
end
"""

WAT = """
(module
  (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "x-version")
  (data (i32.const 32) "{version}")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $set (i32.const 0) (i32.const 16) (i32.const 9) (i32.const 32) (i32.const {length})))
    (i32.const 0)))
"""

PLUGIN = """#!{python}
from headgate.plugin import Response, serve

serve(lambda request: Response({{"X-Version": "{version}"}}))
"""

_numbers = itertools.count(1)


def text(template: str) -> Write:
    """Versions of a text."""

    def write(path: Path, version: str) -> None:
        path.write_text(template.format(version=version, length=len(version), python=sys.executable))
        if template is PLUGIN:
            path.chmod(0o755)

    return write


def shared_object(path: Path, version: str) -> None:
    """A version in C. Built elsewhere: the compiler would replace the file, and whether that is done is the test's to say."""
    source = path.with_name(f"version-{next(_numbers)}.c")
    source.write_text(C.format(version=version))
    shutil.copyfile(build(source, source.with_suffix(".so")), path)


KINDS: Mapping[str, tuple[str, Write]] = {
    "module": ("marker.py", text(PYTHON)),
    "native": ("marker.so", shared_object),
    "lua": ("marker.lua", text(LUA)),
    "wasm": ("marker.wat", text(WAT)),
}
"""Types of entries that name a file: what that is called, and what writes a version of it."""


def in_place(write: Write, path: Path, version: str) -> None:
    """Put the version into the file that is there."""
    write(path, version)


def by_rename(write: Write, path: Path, version: str) -> None:
    """Put another file in its place."""
    beside = path.with_name(f"new-{path.name}")
    write(beside, version)
    os.replace(beside, path)
