from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench import process_tree

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"


@pytest.fixture
def family() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        parent.stdout.readline()  # the child runs
        yield parent.pid
        parent.stdin.close()


def test_a_tree_is_a_process_and_its_descendants(family: int) -> None:
    found = process_tree.tree(family)
    assert found[0] == family and len(found) == 2
    assert family in process_tree.tree(os.getpid())


def test_cpu_time_and_memory_are_sums_over_the_tree(family: int) -> None:
    assert process_tree.cpu_seconds(os.getpid()) >= process_tree.cpu_seconds(family) >= 0.0
    assert process_tree.memory_bytes(family) > 1_000_000


def test_a_process_that_is_gone_counts_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    assert process_tree.cpu_seconds(child.pid) == 0.0
    assert process_tree.memory_bytes(child.pid) == 0
