import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from models.registry import PACKAGED_STORE, Registry
from models.scorer import Scorer
from tests.models.s3_server import Bucket, S3Server

# What is judged is the outcome; how long an example takes depends on what else the machine does.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    """The stable version of the model that comes with the project."""
    return Scorer.load(Registry().resolve("imdb").path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of the packaged store, to break or to publish into."""
    return shutil.copytree(PACKAGED_STORE, tmp_path / "store")


@pytest.fixture
def artifact(store: Path) -> Path:
    """A copied version's directory."""
    return Registry(store).resolve("imdb").path


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One S3 server for the whole run: use a bucket of your own, and leave it running."""
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
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    return Bucket(s3_server, f"models-{uuid.uuid4()}")


@pytest.fixture
def own_bucket(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket on a server of its own, to stop or to change."""
    with S3Server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield Bucket(server, f"models-{uuid.uuid4()}")
