"""The audit passes only when somebody looked at every package and found nothing."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.dependencies.audit import REQUIREMENTS, AuditFailed, audit

LOCKED = "urllib3==2.8.0 --hash=sha256:" + "0" * 64 + "\n"
FINDING = {
    "id": "GHSA-0000-0000-0000",
    "summary": "made up",
    "details": "made up",
    "aliases": [],
    "modified": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "urllib3"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.9.0"}]}],
        }
    ],
}


class _Database(BaseHTTPRequestHandler):
    """OSV's API with one answer to every question."""

    answer: dict[str, object]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(self.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Database", (_Database,), {"answer": request.param}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()


def audited(tmp_path: Path, service: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the audit of one package."""
    (tmp_path / "lock.txt").write_text(LOCKED)
    command = [sys.executable, "-m", "deploy.dependencies.audit", "--service", service]
    command += ["--lock-file", str(tmp_path / "lock.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("service", [{}], indirect=True, ids=["nothing"])
def test_a_package_without_findings_passes(tmp_path: Path, service: str) -> None:
    assert audited(tmp_path, service) == (0, "1 pinned packages have no known vulnerability.\n", "")


@pytest.mark.parametrize("service", [{"vulns": [FINDING]}], indirect=True, ids=["a finding"])
def test_a_vulnerability_is_named_with_the_version_that_mends_it(tmp_path: Path, service: str) -> None:
    status, _, reported = audited(tmp_path, service)
    assert (status, reported) == (1, "error: lock.txt: urllib3 2.8.0 has GHSA-0000-0000-0000 (mended in 2.9.0)\n")


def test_a_service_that_is_not_reached_fails_with_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    status, out, reported = audited(tmp_path, "http://127.0.0.1:1/v1/query")
    assert (status, out) == (1, "")
    assert reported == (
        "error: lock.txt could not be audited with http://127.0.0.1:1/v1/query: no connection (NewConnectionError); "
        'run it where there is one, or name another: make audit ARGS="--service URL"\n'
    )


def test_any_other_failure_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("urllib3==2.8.0\n")
    with pytest.raises(
        AuditFailed, match=r"could not be audited with http://127\.0\.0\.1:1: .*does not contain a hash"
    ):
        audit(tmp_path / "lock.txt", "http://127.0.0.1:1")


@pytest.mark.parametrize("lock_file", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_every_pinned_package_has_a_hash(lock_file: Path) -> None:
    pinned = [line for line in lock_file.read_text().splitlines() if "==" in line]
    hashed = lock_file.read_text().replace("\\\n", " ").splitlines()
    assert pinned
    assert all("--hash=sha256:" in line for line in hashed if "==" in line)
