"""`make audit` and `make licences` fail where they must, and every pinned package has a hash."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKED = "urllib3==2.8.0 --hash=sha256:" + "0" * 64 + "\n"
PACKAGE = {
    "package": {"ecosystem": "PyPI", "name": "urllib3"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.9.0"}]}],
}
FINDING = {"id": "GHSA-0000-0000-0000", "summary": "made up", "modified": "2026-01-01T00:00:00Z", "affected": [PACKAGE]}


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


def made(target: str, **variables: str) -> tuple[bool, str, str]:
    """Whether a target of the Makefile succeeds with the packages installed here, and its two outputs."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    # Installed is what these tests run with; nothing is to be installed by them.
    command = ["make", "--assume-old=.venv/.all-ready", "--no-print-directory", f"RUN={sys.executable}", target]
    command += [f"{name}={value}" for name, value in variables.items()]
    # Nor may they be given what `make test` itself was given.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout, done.stderr


def audited(tmp_path: Path, service: str, lock: str = LOCKED) -> tuple[bool, str, str]:
    """`make audit` of a lock file."""
    (tmp_path / "lock.txt").write_text(lock)
    return made("audit", AUDITED=str(tmp_path / "lock.txt"), ARGS=f"--osv-url {service}")


@pytest.mark.parametrize("service", [{}], indirect=True, ids=["nothing"])
def test_packages_without_findings_pass(tmp_path: Path, service: str) -> None:
    passed, said, _ = audited(tmp_path, service)
    assert (passed, said) == (True, f"{tmp_path}/lock.txt: No known vulnerabilities found\n")


@pytest.mark.parametrize("service", [{"vulns": [FINDING]}], indirect=True, ids=["a finding"])
def test_a_vulnerability_is_named_with_the_version_that_repairs_it(tmp_path: Path, service: str) -> None:
    passed, _, said = audited(tmp_path, service)
    assert not passed
    assert "urllib3 2.8.0   GHSA-0000-0000-0000 2.9.0" in said


def test_a_service_that_is_not_reached_fails_with_a_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    passed, _, said = audited(tmp_path, "http://127.0.0.1:1/v1/query")
    assert not passed
    assert said.startswith(f"error: {tmp_path}/lock.txt was not audited, for the service gives no answer (requests.")
    assert 'make audit ARGS="--osv-url URL"\n' in said
    assert "Traceback" not in said


@pytest.mark.parametrize("service", [{}], indirect=True, ids=["nothing"])
def test_a_package_without_a_hash_fails(tmp_path: Path, service: str) -> None:
    passed, _, said = audited(tmp_path, service, LOCKED + "idna==3.20\n")
    assert not passed
    assert "idna==3.20 does not contain a hash" in said


def test_every_licence_of_a_worker_is_allowed() -> None:
    passed, listed, said = made("licences")
    assert (passed, said) == (True, "")
    # Those of every extra, and those that others need.
    for package in ("kafka-python", "confluent-kafka", "s3fs", "opentelemetry-sdk", "botocore", "certifi", "crc32c"):
        assert f" {package} " in listed


def test_a_licence_that_is_not_allowed_fails() -> None:
    passed, _, said = made("licences", ARGS="--allow-only 'MIT;MIT License'")
    assert not passed
    assert "not in allow-only licenses was found for package" in said


@pytest.mark.parametrize("lock_file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_pinned_package_has_a_hash(lock_file: Path) -> None:
    pinned = [line for line in lock_file.read_text().replace("\\\n", " ").splitlines() if "==" in line]
    assert pinned
    assert all("--hash=sha256:" in line for line in pinned)


def test_what_is_audited_holds_every_pinned_package() -> None:
    pins = {path.name: set(path.read_text().split("\n")) for path in (ROOT / "requirements").glob("*.txt")}
    pinned = {line for lines in pins.values() for line in lines if "==" in line}
    assert pinned <= pins["all.txt"] | pins["bench.txt"]
