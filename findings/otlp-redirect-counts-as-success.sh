#!/usr/bin/env bash
# OpenTelemetry's OTLP exporter over HTTP takes a redirect for success: the spans are gone and nothing is logged.
#
# Expected: a redirect is followed, or it is a failure that is logged, as 404 is.
# Happens:  the exporter follows no redirect and counts every status below 400 as success. A collector behind a proxy
#           that sends http to https, or /v1/traces to /v1/traces/, gets no span, and no log or return value tells.
# Do:       give the exporter the final address, and alert on redirects in the access log of whatever stands before it.
# Versions: opentelemetry-exporter-otlp-proto-http and opentelemetry-sdk 1.45.2, Python 3.11
# Seen:     2026-12-01
# Output:   /308: SUCCESS, the collector got the span: False, lines logged: 0
#           /404: FAILURE, the collector got the span: False, lines logged: 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-sdk==1.45.2

"$work/venv/bin/python" - << 'EOF'
import http.server, logging, sys, threading
from importlib.metadata import version
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider

received, logged = [], []

class Collector(http.server.BaseHTTPRequestHandler):
    """Takes spans at /v1/traces; elsewhere it answers the status that the path names, redirects to there."""
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        received.append(self.path)
        status = 200 if self.path == "/v1/traces" else int(self.path.strip("/"))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/v1/traces")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

class Keep(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())

logging.getLogger("opentelemetry").addHandler(Keep())
server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
with TracerProvider().get_tracer("finding").start_as_current_span("work") as span:
    pass

print("opentelemetry-exporter-otlp-proto-http", version("opentelemetry-exporter-otlp-proto-http"))
seen = {}
for path in ("/v1/traces", "/301", "/308", "/404"):
    received.clear(), logged.clear()
    result = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{server.server_port}{path}").export([span])
    seen[path] = result.name, "/v1/traces" in received, len(logged)
    print(f"{path}: {result.name}, the collector got the span: {seen[path][1]}, lines logged: {seen[path][2]}")
if seen != {
    "/v1/traces": ("SUCCESS", True, 0), "/301": ("SUCCESS", False, 0), "/308": ("SUCCESS", False, 0),
    "/404": ("FAILURE", False, 1),
}:
    sys.exit("The behaviour has changed.")
EOF
