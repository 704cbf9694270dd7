"""S3 for tests. What it takes is imported by the tests that use it: it is slow to import."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.s3_server import Bucket, S3Server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One S3 server for the whole run: use a bucket of your own, and leave it running."""
    from tests.s3_server import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own keys and settings."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def bucket(s3_server: S3Server, aws: None, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, on the server that stores behind s3:// are asked of."""
    from tests.s3_server import Bucket

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    return Bucket(s3_server, f"models-{uuid.uuid4()}")


@pytest.fixture
def own_bucket(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket on a server of its own, to stop or to change."""
    from tests.s3_server import Bucket, S3Server

    with S3Server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield Bucket(server, f"models-{uuid.uuid4()}")
