"""An OTLP/HTTP collector of a test's own: it keeps what it is sent, as protocol buffers."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """A context manager that listens on a free port. One that is `silent` takes requests and answers none."""

    def __init__(self, silent: bool = False) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self._released = threading.Event()
        if not silent:
            self._released.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def spans(self, name: str = "") -> list[Span]:
        """All spans so far, or those of one name."""
        found = [
            span
            for request in list(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return [span for span in found if not name or span.name == name]

    def resource(self) -> dict[str, Any]:
        """Who sent the first spans."""
        return plain(self.requests[0].resource_spans[0].resource.attributes)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        requests, released = self.requests, self._released

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                released.wait()
                assert self.path == "/v1/traces"
                requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Not among the test's output."""

        return Handler


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as Python values."""
    return {each.key: _plain(each.value) for each in attributes}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return [_plain(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, str(kind))
