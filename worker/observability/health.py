"""Whether this worker lives and is ready, and the HTTP server that tells."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from worker.errors import BadUse
from worker.kafka.types import Partition

LOOP_LIMIT_SECONDS = 60.0
START_LIMIT_SECONDS = 600.0  # to fetch a model from a store elsewhere, before there is a loop
PROGRESS_LIMIT_SECONDS = 120.0


class Health:
    """What the loop reports and the probes read.

    Alive: the loop turned recently and, while Kafka answers, every assigned partition with lag made progress. An
    outage of Kafka does not make a worker dead, for a restart would not help. Ready: the model is loaded and the
    group joined.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at = clock()
        self._waiting_since: dict[Partition, float] = {}
        self._joined = False
        self.model_loaded = False
        self.kafka_answers = True

    def turned(self) -> None:
        """The loop came round."""
        self._turned_at = self._clock()

    def progressed(self, partition: Partition) -> None:
        """Records of the partition were committed."""
        self._waiting_since.pop(partition, None)

    def observed(self, joined: bool, lags: Mapping[Partition, int]) -> None:
        """Whether the group gave this worker its share, be it no partition at all, and how far that is behind."""
        self._joined = self._joined or joined
        now = self._clock()
        behind = {part for part, left in lags.items() if left and self.kafka_answers}
        self._waiting_since = {part: self._waiting_since.get(part, now) for part in behind}

    def reasons(self) -> list[str]:
        """Why this process should be restarted; empty while it is alive."""
        now, reasons = self._clock(), []
        if now - self._turned_at > (LOOP_LIMIT_SECONDS if self.model_loaded else START_LIMIT_SECONDS):
            reasons.append(f"the loop has not turned for {now - self._turned_at:.0f} s")
        for partition, since in list(self._waiting_since.items()):
            if now - since > PROGRESS_LIMIT_SECONDS and self.kafka_answers:
                reasons.append(f"partition {partition.number} has lag and made no progress for {now - since:.0f} s")
        return reasons

    def missing(self) -> list[str]:
        """What is missing until it is ready; empty once it is."""
        missing = [] if self.model_loaded else ["the model is not loaded"]
        return missing if self._joined else [*missing, "the consumer group is not joined"]


class HealthServer:
    """Serves /metrics, /livez and /readyz on a thread of its own."""

    def __init__(self, host: str, port: int, health: Health, registry: CollectorRegistry) -> None:
        handler = type("Handler", (_Handler,), {"health": health, "registry": registry})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise BadUse(f"SENTIMENT_HTTP_PORT: cannot listen on {host}:{port}: {error.strerror}") from None
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    health: Health
    registry: CollectorRegistry
    timeout = 10

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
        elif path in ("/livez", "/readyz"):
            problems = self.health.reasons() if path == "/livez" else self.health.missing()
            body = json.dumps({"ok": not problems, "problems": problems}).encode()
            self._answer(503 if problems else 200, "application/json", body)
        else:
            self._answer(404, "text/plain; charset=utf-8", b"/metrics, /livez, /readyz\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds: no log line for each."""
