"""What no type can tell: names that name nothing or two things, ranges, patterns, conditions that exclude each other."""

from headgate.config.validation.driver import validate

__all__ = ["validate"]
