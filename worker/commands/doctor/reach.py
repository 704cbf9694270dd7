"""Whether anything answers at an address."""

from __future__ import annotations

import socket

_CONNECT_SECONDS = 3.0


def silence(host: str, port: int) -> str:
    """Why nothing answers there; empty where something does."""
    if not host or not 0 < port < 65_536:
        return "it is no host:port"
    try:
        socket.create_connection((host, port), _CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or error).lower()
    return ""
