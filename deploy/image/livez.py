"""The container's HEALTHCHECK: ends with 0 while the worker in it answers /livez well, with 1 and a sentence if not.

It has nothing but the standard library, for it runs every few seconds beside the worker. Where the worker listens it
learns as the worker does, from SENTIMENT_HTTP_HOST and SENTIMENT_HTTP_PORT.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 3.0
# Addresses that mean every address of the machine, and the one to ask there.
EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def reason(host: str, port: str) -> str:
    """What is wrong with the worker that listens there; empty when nothing is."""
    asked = EVERY_ADDRESS.get(host, host)
    try:
        connection = http.client.HTTPConnection(
            f"[{asked}]:{port}" if ":" in asked else f"{asked}:{port}", timeout=TIMEOUT_SECONDS
        )
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"No answer from the worker at {asked}, port {port}: {error}\n"
    return "" if answer.status == http.client.OK else body


def main() -> int:
    """Ask once; the exit status for the container engine."""
    host, port = os.environ.get("SENTIMENT_HTTP_HOST", ""), os.environ.get("SENTIMENT_HTTP_PORT") or "8000"
    found = reason(host, port)
    sys.stdout.write(found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
