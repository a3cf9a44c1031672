"""The supervisor's own way to one process of a plugin, whatever it speaks: to see that somebody listens, to ask whether all is well, to
have it end. Each protocol has its kind (:mod:`.grpc_link`, :mod:`.filter_host_link`).
"""

from __future__ import annotations


class PluginLink:
    """The way to one process."""

    async def open(self, timeout: float) -> None:
        """See that it listens.

        :param timeout: seconds
        :raises OSError: if nobody listens, or it takes too long
        """
        raise NotImplementedError

    async def check(self, timeout: float) -> str:
        """Ask whether all is well.

        :param timeout: seconds
        :returns: what is wrong, or an empty string
        """
        raise NotImplementedError

    async def shut_down(self, timeout: float) -> bool:
        """Ask it to end.

        :param timeout: seconds
        :returns: whether it understood
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of it. The default does nothing."""
