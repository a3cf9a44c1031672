"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import click

from headgate.config.completion import is_module_name


class ExtensionType(click.ParamType[str]):
    """A module by dotted name, or a file or folder by path; in the environment several, separated as in ``PATH``."""

    name = "module or path"
    envvar_list_splitter: ClassVar[str] = os.pathsep

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Paths are made absolute. What is there as a file or folder is meant as one."""
        if is_module_name(value) and not Path(value).exists():
            return value
        return str(Path.cwd() / value)


config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    required=True,
    envvar="HEADGATE_CONFIG",
    show_envvar=True,
    help="Configuration file: JSON, or YAML if it ends in .yaml or .yml.",
)

extension_option = click.option(
    "-e",
    "--extension",
    "extensions",
    type=ExtensionType(),
    multiple=True,
    envvar="HEADGATE_EXTENSIONS",
    show_envvar=True,
    help="Load a Python extension beside those that the configuration names. May be given several times.",
)

lenient_option = click.option("--lenient", is_flag=True, help="Unknown keys are warnings, not errors. Unknown filters stay errors.")
