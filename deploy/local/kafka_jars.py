"""Apache Kafka's jars: resolved from Maven coordinates once, checked against pinned checksums, kept between runs.

`kafka_jars.txt` pins every jar by coordinate and sha256. `python -m deploy.local.kafka_jars` writes it anew for the
versions named here.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from deploy.local.processes import LocalServiceError

KAFKA_VERSION = "4.3.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka logs through slf4j 1.7 and ships log4j 2; this joins the two and needs nothing that Kafka does not bring.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
LOCK_FILE = Path(__file__).with_name("kafka_jars.txt")
DOWNLOADS_AT_ONCE = 8


def classpath() -> str:
    """The class path of a Kafka broker; downloads about 45 MB the first time.

    Raises LocalServiceError when the jars are not there and cannot be downloaded, or are not what was pinned.
    """
    kept = cache_directory() / f"kafka-{KAFKA_VERSION}-{hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:12]}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with locked(kept.parent / "lock"):
            if not kept.exists():
                download(kept)
    return str(kept / "*")


def cache_directory() -> Path:
    """The user's cache directory for this project."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kafka-sentiment"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes, so that two that start at once download one after the other."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def download(kept: Path) -> None:
    """Fetch every pinned jar into the directory `kept`, which appears complete and checked or not at all."""
    for abandoned in kept.parent.glob("download-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix="download-", dir=kept.parent))
    try:
        context = maven(staging / "repository")
        jars = staging / "jars"
        jars.mkdir()
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            list(pool.map(lambda line: fetch(context, line, jars), LOCK_FILE.read_text().splitlines()))
        jars.rename(kept)
    except (OSError, RuntimeError) as error:
        raise LocalServiceError(f"Kafka {KAFKA_VERSION} could not be downloaded: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def fetch(context: MavenContext, pinned: str, jars: Path) -> None:
    """Download one jar into the directory `jars`; raises LocalServiceError when its checksum is not the pinned one."""
    coordinate, sha256 = pinned.split()
    path = context.create_dependency(coordinate).artifact.resolve()
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise LocalServiceError(f"{coordinate} is not the jar that was pinned: its sha256 is another one.")
    path.rename(jars / path.name)


def maven(repository: Path) -> MavenContext:
    """Maven access that keeps what it loads in `repository` and knows a mirror from the user's jgo settings."""
    remote = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    return MavenContext(repo_cache=repository, remote_repos=remote, timeout=60)


def write_lock_file() -> None:
    """Resolve the versions named in this file and pin every jar that they need."""
    with tempfile.TemporaryDirectory() as repository:
        context = maven(Path(repository))
        kafka = context.create_dependency(KAFKA)
        lines = set()
        for jar in [kafka, *context.resolver.resolve([kafka])[1], context.create_dependency(LOGGING)]:
            sha256 = hashlib.sha256(jar.artifact.resolve().read_bytes()).hexdigest()
            lines.add(f"{jar.groupId}:{jar.artifactId}:{jar.version} {sha256}\n")
    LOCK_FILE.write_text("".join(sorted(lines)))
    sys.stdout.write(f"{LOCK_FILE}: {len(lines)} jars\n")


if __name__ == "__main__":
    write_lock_file()
