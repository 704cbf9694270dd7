from pathlib import Path

import pytest

from deploy.local import kafka_jars
from deploy.local.processes import LocalServiceError

PINNED = kafka_jars.LOCK_FILE.read_text().splitlines()
SMALL = next(line for line in PINNED if line.startswith("org.apache.logging.log4j:log4j-slf4j-impl"))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    lock_file = tmp_path / "jars.txt"
    lock_file.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(kafka_jars, "LOCK_FILE", lock_file)


def test_every_jar_is_pinned_by_checksum_and_kafka_by_its_version() -> None:
    assert all(len(line.split()[1]) == 64 for line in PINNED)
    assert any(line.startswith(f"{kafka_jars.KAFKA} ") for line in PINNED)


def test_jars_are_downloaded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    pin(monkeypatch, tmp_path, SMALL)
    first = kafka_jars.classpath()
    assert [path.name for path in Path(first).parent.iterdir()] == ["log4j-slf4j-impl-2.25.4.jar"]
    monkeypatch.setattr(kafka_jars, "maven", lambda repository: pytest.fail("It downloaded again."))
    assert kafka_jars.classpath() == first


def test_a_jar_with_another_checksum_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    pin(monkeypatch, tmp_path, f"{SMALL.split()[0]} {'0' * 64}")
    with pytest.raises(LocalServiceError, match="is not the jar that was pinned"):
        kafka_jars.classpath()
    assert [path.name for path in (cache / "kafka-sentiment").iterdir()] == ["lock"]


def test_a_jar_that_does_not_exist_is_one_plain_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    pin(monkeypatch, tmp_path, f"org.apache.kafka:kafka_2.13:0.0.0 {'0' * 64}")
    with pytest.raises(LocalServiceError, match="could not be downloaded"):
        kafka_jars.classpath()
