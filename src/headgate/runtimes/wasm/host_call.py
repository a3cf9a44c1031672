"""From a raw call of a guest to a Python function and back.

A host function here is a Python callable that takes the guest's numbers as unsigned integers and returns the result's number. One adapter
stands between: it reads the words of the call, writes the result, and turns a bad pointer into the status that the interface has for it.
Any other exception reaches cffi, whose ``onerror`` makes it a trap; so no exception crosses C.
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


RawFunction = Callable[[object, object, Words, int], int]


def adapter(signature: Signature, function: HostFunction, fault: int) -> RawFunction:
    """What cffi calls.

    :param fault: the result for a pointer that lies outside of the guest's memory
    """
    params, results = signature.params, signature.results
    if results == "i" and "I" not in params:
        fast = _FAST.get(len(params))
        if fast is not None:
            return fast(function, fault)
    return _general(signature, function, fault)


def _one(function: HostFunction, fault: int) -> RawFunction:
    def call(env: object, caller: object, words: Words, count: int) -> int:
        try:
            words[0] = function(words[0])
        except InvalidMemory:
            words[0] = fault
        return 0

    return call


def _two(function: HostFunction, fault: int) -> RawFunction:
    def call(env: object, caller: object, words: Words, count: int) -> int:
        try:
            words[0] = function(words[0], words[4])
        except InvalidMemory:
            words[0] = fault
        return 0

    return call


def _three(function: HostFunction, fault: int) -> RawFunction:
    def call(env: object, caller: object, words: Words, count: int) -> int:
        try:
            words[0] = function(words[0], words[4], words[8])
        except InvalidMemory:
            words[0] = fault
        return 0

    return call


def _five(function: HostFunction, fault: int) -> RawFunction:
    def call(env: object, caller: object, words: Words, count: int) -> int:
        try:
            words[0] = function(words[0], words[4], words[8], words[12], words[16])
        except InvalidMemory:
            words[0] = fault
        return 0

    return call


_FAST = {1: _one, 2: _two, 3: _three, 5: _five}


def _general(signature: Signature, function: HostFunction, fault: int) -> RawFunction:
    wide = [letter in "IF" for letter in signature.params]
    result = signature.results

    def call(env: object, caller: object, words: Words, count: int) -> int:
        arguments = [words[4 * i] | (words[4 * i + 1] << 32) if is_wide else words[4 * i] for i, is_wide in enumerate(wide)]
        try:
            value = function(*arguments)
        except InvalidMemory:
            value = fault
        if result:
            words[0] = value & 0xFFFFFFFF
            if result in "IF":
                words[1] = (value >> 32) & 0xFFFFFFFF
        return 0

    return call
