"""Which virtual host a request belongs to, by the host that it names.

The most specific domain wins, whatever the order of the configuration (MOSN):

1. ``host:port``, exactly
2. ``host``, exactly, with any port
3. ``*suffix:port``, the longest suffix first
4. ``*suffix`` with any port, the longest suffix first
5. ``*``

The star of a suffix stands for at least one character. Letter case does not matter. A request without a host belongs to ``*``.

Exact domains are one look-up in a dictionary. Suffixes are looked up by each length that a suffix has, longest first, so the cost
depends on how many different lengths there are (at most as many as a host has characters), not on how many virtual hosts.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.errors import ConfigError
from headgate.router.virtual_host import VirtualHost


class SuffixTable:
    """Virtual hosts by the end of a host's name.

    :ivar lengths: the lengths of all suffixes, longest first
    """

    def __init__(self) -> None:
        self.by_suffix: dict[str, VirtualHost] = {}
        self.lengths: list[int] = []

    def add(self, suffix: str, virtual_host: VirtualHost) -> bool:
        """Add one; False if the suffix is taken."""
        if suffix in self.by_suffix:
            return False
        self.by_suffix[suffix] = virtual_host
        if len(suffix) not in self.lengths:
            self.lengths.append(len(suffix))
            self.lengths.sort(reverse=True)
        return True

    def find(self, host: str) -> VirtualHost | None:
        """The virtual host with the longest suffix of this host."""
        size = len(host)
        for length in self.lengths:
            if length < size:
                found = self.by_suffix.get(host[size - length :])
                if found is not None:
                    return found
        return None


class DomainTable:
    """Virtual hosts by domain.

    :ivar default: the virtual host of ``*``
    :ivar only_default: there is no other domain than ``*``
    """

    def __init__(self) -> None:
        self.default: VirtualHost | None = None
        self.only_default: bool = True
        self._exact: dict[str, VirtualHost] = {}
        self._suffixes: SuffixTable = SuffixTable()
        self._suffixes_by_port: dict[str, SuffixTable] = {}

    def add(self, domain: str, virtual_host: VirtualHost, path: str) -> None:
        """Add a domain.

        :param domain: as configured
        :param path: where it stands
        :raises ConfigError: if it is taken or is no domain
        """
        name = domain.strip().lower()
        host, port = split_host_port(name)
        if port == "*":
            name, port = host, ""
        if not host or (port and not port.isdecimal()) or any(c in name for c in " /@,?#"):
            raise ConfigError(path, f"not a domain: {domain!r}", "write it like example.com, example.com:8080, *.example.com or *")
        if "*" in host[1:]:
            raise ConfigError(path, f"a '*' may stand only at the beginning of a domain: {domain!r}", "like *.example.com")
        if name == "*":
            fresh = self.default is None
            self.default = virtual_host
        else:
            self.only_default = False
            fresh = self._add(name, host, port, virtual_host)
        if not fresh:
            raise ConfigError(path, f"the domain {domain!r} stands twice in this router", "each domain leads to one virtual host")

    def _add(self, name: str, host: str, port: str, virtual_host: VirtualHost) -> bool:
        if not host.startswith("*"):
            if name in self._exact:
                return False
            self._exact[name] = virtual_host
            return True
        table = self._suffixes
        if port:
            table = self._suffixes_by_port.setdefault(port, SuffixTable())
        return table.add(host[1:], virtual_host)

    def find(self, authority: str) -> VirtualHost | None:
        """The virtual host of a request.

        :param authority: its host, and the port if it names one
        """
        name = authority.lower()
        found = self._exact.get(name)
        if found is not None:
            return found
        host, port = split_host_port(name)
        if len(host) < len(name):
            found = self._exact.get(host)
            if found is not None:
                return found
        if port:
            table = self._suffixes_by_port.get(port)
            if table is not None:
                found = table.find(host)
                if found is not None:
                    return found
        if self._suffixes.lengths:
            found = self._suffixes.find(host)
            if found is not None:
                return found
        return self.default


def split_host_port(name: str) -> tuple[str, str]:
    """Host and port of ``host:port``; the port is empty if there is none. An IPv6 address keeps its brackets."""
    colon = name.rfind(":")
    if colon < 0 or name.find("]", colon) >= 0:
        return name, ""
    return name[:colon], name[colon + 1 :]
