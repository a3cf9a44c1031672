"""What integration tests share: real proxies (``headgate``) and backends (``backend``)."""

from __future__ import annotations

from tests.integration.fixtures import backend, headgate

__all__ = ["backend", "headgate"]
