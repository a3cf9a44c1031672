"""What keeps a browser from being made a tool against the admin server, which has no authentication.

- DNS rebinding: a page's own host name is made to resolve to 127.0.0.1, and the page then reads the admin API as its own origin. So a
  server on a loopback address answers only to names of the loopback: ``localhost`` and loopback addresses.
- Cross-site requests: a page elsewhere posts to the admin API. So a POST that a browser marks as coming from another origin is
  refused, and so is any other request but a navigation that it marks as cross-site.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def refusal(method: str, headers: dict[str, str], loopback_only: bool) -> str | None:
    """Why a request must be refused, or None.

    :param headers: by lower-cased name
    :param loopback_only: whether the server is bound to a loopback address
    """
    host = headers.get("host", "")
    if loopback_only and host and not names_loopback(host):
        return f"host {host!r} is not a name of the loopback address that this server listens on"
    site = headers.get("sec-fetch-site", "none")
    if method == "POST":
        origin = headers.get("origin")
        if origin is not None and not _same_origin(origin, host):
            return f"cross-site request from origin {origin!r}"
        if site not in ("none", "same-origin"):
            return f"cross-site request ({site})"
    elif site == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        return "cross-site request"
    return None


def names_loopback(host: str) -> bool:
    """Whether a ``Host`` header names the loopback: ``localhost`` or an address of it, with or without a port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Whether an address is one of the loopback's: 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _same_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
