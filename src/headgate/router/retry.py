"""When a request is tried again. Compiled by mypyc; interpreted otherwise."""

from __future__ import annotations

from typing import Final

from headgate.api.errors import ConfigError
from headgate.config.models import RetryPolicyConfig

DEFAULT_RETRIES: Final = 3
"""Retries of a policy that does not say how many (MOSN: never fewer than so many, even if it says so)."""


class RetryPolicy:
    """A route's retry policy.

    :ivar retry_on: retry on bad status codes and resets, not only when no connection could be made
    :ivar per_try_timeout: seconds for each try; 0.0: only the route's timeout counts
    :ivar num_retries: further tries after the first
    :ivar status_codes: status codes that are retried; empty: 500 and above
    """

    def __init__(self, retry_on: bool, per_try_timeout: float, num_retries: int, status_codes: frozenset[int]) -> None:
        self.retry_on: bool = retry_on
        self.per_try_timeout: float = per_try_timeout
        self.num_retries: int = num_retries
        self.status_codes: frozenset[int] = status_codes

    def retries_status(self, code: int) -> bool:
        """Whether a response with this status is thrown away for another try."""
        if not self.retry_on:
            return False
        if self.status_codes:
            return code in self.status_codes
        return code >= 500


def build_retry_policy(config: RetryPolicyConfig, path: str) -> RetryPolicy:
    """Make a retry policy.

    :param path: where it stands
    :raises ConfigError: for a number that is no status code
    """
    for i, code in enumerate(config.status_codes):
        if not 100 <= code <= 599:
            raise ConfigError(f"{path}.status_codes[{i}]", f"not a status code: {code}")
    retries = config.num_retries or DEFAULT_RETRIES
    return RetryPolicy(config.retry_on, config.retry_timeout, retries, frozenset(config.status_codes))
