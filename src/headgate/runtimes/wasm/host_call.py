"""From a raw call of a guest to a Python function and back.

A host function here is a Python callable that takes the guest's numbers as unsigned integers and returns the result's number. One adapter
stands between: it reads the words of the call, writes the result, and turns a bad pointer into the status that the interface has for it.
Any other exception reaches cffi, whose ``onerror`` makes it a trap; so no exception crosses C.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from headgate.runtimes.wasm.errors import InvalidMemory
from headgate.runtimes.wasm.module import Signature

HostFunction = Callable[..., int]
Functions = Mapping[tuple[str, str], tuple[Signature, HostFunction]]
"""By (module, name): the type, and what to call."""


class Words(Protocol):
    """The raw values of a call: four words of 32 bits each."""

    def __getitem__(self, index: int) -> int: ...
    def __setitem__(self, index: int, value: int) -> None: ...


RawFunction = Callable[[int, int, Words, int], int]


def adapter(signature: Signature, function: HostFunction, fault: int) -> RawFunction:
    """What cffi calls.

    :param fault: the result for a pointer that lies outside of the guest's memory
    """
    if signature.results == "i" and "I" not in signature.params:
        count = len(signature.params)
        if count == 3:
            return _Three(function, fault).call
        if count == 5:
            return _Five(function, fault).call
    return _General(signature, function, fault).call


class _Three:
    """Three numbers of 32 bits, and a result of 32 bits."""

    def __init__(self, function: HostFunction, fault: int) -> None:
        self._function = function
        self._fault = fault

    def call(self, env: int, caller: int, words: Words, count: int) -> int:
        try:
            words[0] = self._function(words[0], words[4], words[8])
        except InvalidMemory:
            words[0] = self._fault
        return 0


class _Five:
    """Five."""

    def __init__(self, function: HostFunction, fault: int) -> None:
        self._function = function
        self._fault = fault

    def call(self, env: int, caller: int, words: Words, count: int) -> int:
        try:
            words[0] = self._function(words[0], words[4], words[8], words[12], words[16])
        except InvalidMemory:
            words[0] = self._fault
        return 0


class _General:
    """Any numbers."""

    def __init__(self, signature: Signature, function: HostFunction, fault: int) -> None:
        self._function = function
        self._fault = fault
        self._wide: list[bool] = [letter in "IF" for letter in signature.params]
        self._results: str = signature.results

    def call(self, env: int, caller: int, words: Words, count: int) -> int:
        arguments: list[int] = []
        at = 0
        for wide in self._wide:
            arguments.append(words[at] | (words[at + 1] << 32) if wide else words[at])
            at += 4
        try:
            value = self._function(*arguments)
        except InvalidMemory:
            value = self._fault
        if self._results:
            words[0] = value & 0xFFFFFFFF
            if self._results in "IF":
                words[1] = (value >> 32) & 0xFFFFFFFF
        return 0
