"""Loading: from a file, or a mapping, to a checked configuration.

The stages, each of which adds what it finds to one list:

1. *read*: JSON or YAML to plain data (``reader.py``);
2. *keys*: the models' own spelling; unknown, repeated and missing keys (``keys.py``); directories in place (``directories.py``);
3. *build*: values that do not fit their type (``build.py``);
4. *complete*: what depends on other keys, and relative paths (``completion.py``);
5. *support*: what is known and not implemented so far (``unsupported.py``);
6. *validate*: names that name nothing or two things, ranges, regular expressions (``validation/``).

Only a configuration without an error comes out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError, ConfigRejected
from headgate.config.build import build
from headgate.config.collection import collection_paused
from headgate.config.completion import complete
from headgate.config.directories import DirectoryReader
from headgate.config.findings import Findings
from headgate.config.keys import KeyNormaliser
from headgate.config.models import HeadgateConfig
from headgate.config.proxies import build_proxies
from headgate.config.reader import read_file
from headgate.config.unsupported import check_support
from headgate.config.validation import validate

_NO_MAPPING: Final = "a configuration is a mapping of keys to values"


@dataclass(frozen=True)
class LoadedConfig:
    """A configuration that may be run.

    :ivar config: the configuration; not changed any more
    :ivar warnings: what the user should know about it
    :ivar source_path: the file it came from, absolute; None for a mapping
    """

    config: HeadgateConfig
    warnings: tuple[ConfigError, ...]
    source_path: Path | None


@dataclass(frozen=True)
class Examination:
    """Everything that is found out about a configuration, whether it may be run or not.

    :ivar config: the configuration, as far as it could be built; None if nothing could
    :ivar errors: what refuses it; empty: it may be run
    :ivar warnings: what the user should know about it
    """

    config: HeadgateConfig | None
    errors: tuple[ConfigError, ...]
    warnings: tuple[ConfigError, ...]


def load(path: str | Path, *, lenient: bool = False) -> LoadedConfig:
    """Read and check a configuration file.

    :param path: the file; YAML if it ends in ``.yaml`` or ``.yml``, else JSON
    :param lenient: unknown keys are warnings and are dropped
    :raises ConfigRejected: with every error, each of which names its path in the file
    """
    source = _absolute(path)
    return _accepted(examine_file(source, lenient=lenient), source)


def parse(mapping: object, *, base: str | Path | None = None, lenient: bool = False) -> LoadedConfig:
    """Check a configuration that is at hand as plain data, as :func:`load` does with a file's content.

    :param mapping: what a JSON file would hold
    :param base: what relative paths are relative to; None: the current directory
    :param lenient: unknown keys are warnings and are dropped
    :raises ConfigRejected: with every error, each of which names its path
    """
    return _accepted(examine(mapping, base=base, lenient=lenient), None)


def examine_file(path: str | Path, *, lenient: bool = False) -> Examination:
    """Everything about a configuration file, for ``headgate check``: never raises for what it finds.

    :param lenient: unknown keys are warnings and are dropped
    """
    source = _absolute(path)
    with collection_paused():
        try:
            mapping = read_file(source)
        except ConfigError as error:
            return Examination(None, (error,), ())
        if not isinstance(mapping, dict):
            return Examination(None, (ConfigError("", f"{source}: {_NO_MAPPING}"),), ())
        return examine(mapping, base=source.parent, lenient=lenient)


def examine(mapping: object, *, base: str | Path | None = None, lenient: bool = False) -> Examination:
    """Everything about a configuration that is at hand as plain data.

    :param base: what relative paths are relative to; None: the current directory
    :param lenient: unknown keys are warnings and are dropped
    """
    findings = Findings()
    config = None
    if isinstance(mapping, dict):
        with collection_paused():
            try:
                config = _construct(mapping, _absolute(base or "."), findings, lenient)
            except RecursionError:
                findings.error("", "nested too deeply")
    else:
        findings.error("", _NO_MAPPING)
    return Examination(config, tuple(findings.errors), tuple(findings.warnings))


def _construct(mapping: dict[str, object], base: Path, findings: Findings, lenient: bool) -> HeadgateConfig | None:
    normaliser = KeyNormaliser(findings, lenient)
    normalised = normaliser.normalise(mapping, HeadgateConfig, "")
    DirectoryReader(base, normaliser, findings).expand(normalised)
    config = build(HeadgateConfig, normalised, "", findings)
    if config is not None:
        complete(config, base)
        proxies = build_proxies(config, findings)
        check_support(config, proxies, findings)
        validate(config, proxies, findings)
    return config


def _accepted(examination: Examination, source: Path | None) -> LoadedConfig:
    if examination.errors or examination.config is None:
        raise ConfigRejected(examination.errors)
    return LoadedConfig(examination.config, examination.warnings, source)


def _absolute(path: str | Path) -> Path:
    # Not resolve(): the folder in which a user sees a link is what relative paths are relative to.
    return Path(os.path.abspath(path))
