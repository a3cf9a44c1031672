"""Directories that stand for a list: ``router_configs`` (one file for each virtual host), ``clusters_configs`` (one for each cluster).

As in MOSN the files are taken in the order of their names and a directory excludes the list it stands for. MOSN passes over files
that are not JSON without a word; here they are named in a warning, and YAML is read too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from headgate.api.errors import ConfigError
from headgate.config.findings import Findings, join
from headgate.config.keys import KeyNormaliser
from headgate.config.models import ClusterConfig, ConfigModel, VirtualHostConfig
from headgate.config.reader import YAML_SUFFIXES, read_file

_SUFFIXES: Final = YAML_SUFFIXES | {".json"}


class DirectoryReader:
    """Puts the content of such directories into a normalised mapping.

    :param base: what relative paths are relative to
    """

    def __init__(self, base: Path, normaliser: KeyNormaliser, findings: Findings) -> None:
        self._base = base
        self._normaliser = normaliser
        self._findings = findings

    def expand(self, mapping: dict[str, object]) -> None:
        """Replace every directory in a normalised configuration by the list it stands for."""
        manager = mapping.get("cluster_manager")
        if isinstance(manager, dict):
            self._replace(manager, "cluster_manager", "clusters_configs", "clusters", ClusterConfig)
        servers = mapping.get("servers")
        for i, server in enumerate(servers if isinstance(servers, list) else ()):
            routers = server.get("routers") if isinstance(server, dict) else None
            for j, router in enumerate(routers if isinstance(routers, list) else ()):
                if isinstance(router, dict):
                    self._replace(router, f"servers[{i}].routers[{j}]", "router_configs", "virtual_hosts", VirtualHostConfig)

    def _replace(self, holder: dict[str, object], path: str, directory_key: str, list_key: str, model: type[ConfigModel]) -> None:
        directory = holder.get(directory_key)
        if not isinstance(directory, str) or not directory:
            return
        del holder[directory_key]
        directory_path = join(path, directory_key)
        if holder.get(list_key):
            self._findings.error(directory_path, f"given beside {list_key!r}", "only one of them can be")
            return
        items: list[object] = []
        for file in self._files(self._base / directory, directory_path):
            item_path = f"{join(path, list_key)}[{len(items)}]"
            try:
                content = read_file(file)
            except ConfigError as error:
                self._findings.error(directory_path, error.message, error.hint)
                continue
            self._findings.files[item_path] = str(file)
            items.append(self._normaliser.normalise(content, model, item_path) if isinstance(content, dict) else content)
        holder[list_key] = items

    def _files(self, directory: Path, path: str) -> list[Path]:
        try:
            entries = sorted(directory.iterdir())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._findings.error(path, f"{directory}: {reason.lower()}", "it is a directory with one file for each entry")
            return []
        files = [entry for entry in entries if entry.suffix.lower() in _SUFFIXES]
        for entry in entries:
            if entry not in files and not entry.name.startswith("."):
                self._findings.warn(path, f"{entry} is passed over", "only .json, .yaml and .yml files are read")
        return files
