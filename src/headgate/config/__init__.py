"""The configuration: models, loading, validation, dump. MOSN's schema, and Headgate's additions."""

from headgate.config.loader import Examination, LoadedConfig, examine, examine_file, load, parse

__all__ = ["Examination", "LoadedConfig", "examine", "examine_file", "load", "parse"]
