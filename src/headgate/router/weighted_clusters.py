"""A route to several clusters, by weight. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from bisect import bisect_right
from random import Random

from headgate.api.errors import ConfigError
from headgate.config.models import WeightedClusterConfig


class WeightedClusters:
    """Draws a cluster for each request, independently of what was drawn before.

    :param names: the clusters
    :param bounds: for each the sum of the weights up to and with its own; the last is the total, above 0
    :param source: where randomness comes from
    """

    def __init__(self, names: list[str], bounds: list[int], source: Random) -> None:
        self.names: list[str] = names
        self._bounds: list[int] = bounds
        self._total: int = bounds[-1]
        self._source: Random = source

    def pick(self) -> str:
        """A cluster; each with its weight's share of the total."""
        drawn = int(self._source.random() * self._total)
        return self.names[bisect_right(self._bounds, drawn)]


def build_weighted_clusters(configs: list[WeightedClusterConfig], path: str, source: Random | None = None) -> WeightedClusters:
    """Make the draw. Weights are relative to their sum, whatever it is; MOSN's usual total is 100.

    :param path: where the list stands
    :param source: where randomness comes from; default: seeded by the operating system
    :raises ConfigError: if no weight is above 0
    """
    names: list[str] = []
    bounds: list[int] = []
    total = 0
    for config in configs:
        total += config.cluster.weight
        names.append(config.cluster.name)
        bounds.append(total)
    if total == 0:
        raise ConfigError(path, "no cluster has a weight above 0", "give each a weight; its share is its weight divided by their sum")
    return WeightedClusters(names, bounds, Random() if source is None else source)
