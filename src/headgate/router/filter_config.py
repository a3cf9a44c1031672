"""``per_filter_config``: what a route and its virtual host say to stream filters."""

from __future__ import annotations


def merge_filter_configs(virtual_host: dict[str, dict[str, object]], route: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """The route's configuration over that of its virtual host.

    Shallow: for a filter that both name, the route's keys replace the virtual host's of the same name, whatever stands below them.

    :param virtual_host: filter's type or name -> configuration
    :param route: the same
    """
    if not route:
        return virtual_host
    if not virtual_host:
        return route
    merged = dict(virtual_host)
    for name, config in route.items():
        below = merged.get(name)
        merged[name] = config if below is None else {**below, **config}
    return merged
