"""Foreign functions: host functions beyond the ABI, by name, that the user's own Python adds.

``declare_property``, ``compress`` and the like of Envoy are not there; a guest that calls an unknown one gets NOT_FOUND.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

ForeignFunction = Callable[[bytes], bytes]
"""Argument in, result out. A ``ValueError`` tells the guest that the argument is bad."""

FOREIGN_FUNCTIONS: Final[dict[str, ForeignFunction]] = {}


def foreign_function(name: str) -> Callable[[ForeignFunction], ForeignFunction]:
    """Register a foreign function for every WASM module of the process. Registering a name again replaces it (a reload does that)."""

    def register(function: ForeignFunction) -> ForeignFunction:
        FOREIGN_FUNCTIONS[name] = function
        return function

    return register
