"""What a module may be at fault with. On their own, as mypyc compiles no classes derived from Python's exceptions."""

from __future__ import annotations


class NativeError(RuntimeError):
    """A module said that it failed, or returned what no hook returns."""


class FactoryRefusedError(ValueError):
    """A module's ``headgate_factory_create`` refused a configuration."""
