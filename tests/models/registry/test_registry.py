import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.errors import BadLabels, ModelNotFound, StoreError
from models.registry.registry import Registry

PUBLISHER_THAT_STANDS_STILL = """
import sys
from pathlib import Path
from models.registry.registry import Registry

def write(directory, version):
    (directory / "model.onnx").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()

Registry(Path(sys.argv[1])).publish("imdb", write)
"""


def write_something(directory: Path, version: int) -> None:
    (directory / "manifest.json").write_text(f"version {version}")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_the_first_version_becomes_stable_and_later_ones_do_not(registry: Registry) -> None:
    assert registry.publish("imdb", write_something).version == 1
    assert registry.publish("imdb", write_something).version == 2
    assert registry.labels("imdb") == {"stable": 1}
    assert registry.versions("imdb") == [1, 2]


def test_a_published_version_holds_what_was_written(registry: Registry) -> None:
    published = registry.publish("imdb", write_something)
    assert (published.path / "manifest.json").read_text() == "version 1"


@pytest.mark.parametrize("reference", ["imdb", "imdb@stable", "imdb@2"])
def test_a_reference_means_a_version(registry: Registry, reference: str) -> None:
    registry.publish("imdb", write_something)
    registry.publish("imdb", write_something)
    registry.set_label("imdb", "stable", 2)
    assert registry.resolve(reference).version == 2


@pytest.mark.parametrize("reference", ["nope", "imdb@7", "imdb@canary", "", "../imdb", "imdb@", "@1", "imdb@0"])
def test_a_reference_to_nothing_is_not_found(registry: Registry, reference: str) -> None:
    registry.publish("imdb", write_something)
    (registry.store / "imdb" / "labels.json").write_text("{}")
    with pytest.raises(ModelNotFound):
        registry.resolve(reference)


def test_a_label_may_carry_a_share(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    (registry.store / "imdb" / "labels.json").write_text('{"canary": {"version": 1, "share": 0.05}}')
    assert registry.resolve("imdb@canary").version == 1


MALFORMED = ["", "[]", '{"stable": "one"}', '{"stable": {}}', '{"stable": true}', "\udcff"]
WITHOUT_A_SHARE = [f'{{"canary": {value}}}' for value in ("1", '{"version": 1}')]
SHARES_THAT_CANNOT_BE = [f'{{"canary": {{"version": 1, "share": {share}}}}}' for share in (0, -1, 1.01, "NaN", '"1"')]


@pytest.mark.parametrize("content", [*MALFORMED, *WITHOUT_A_SHARE, *SHARES_THAT_CANNOT_BE])
def test_malformed_labels_are_a_store_error(registry: Registry, content: str) -> None:
    registry.publish("imdb", write_something)
    (registry.store / "imdb" / "labels.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match=r"labels\.json"):
        registry.resolve("imdb")


def test_a_label_for_a_version_that_is_not_there_is_refused(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    with pytest.raises(ModelNotFound):
        registry.set_label("imdb", "canary", 2)


def test_setting_a_label_keeps_the_others(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    registry.set_label("imdb", "champion", 1)
    assert registry.labels("imdb") == {"stable": 1, "champion": 1}


def test_labels_set_at_the_same_time_are_all_kept(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    labels = [f"label-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda label: registry.set_label("imdb", label, 1), labels))
    assert set(registry.labels("imdb")) == {"stable", *labels}


def test_publishers_at_the_same_time_get_different_versions(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: registry.publish("imdb", write_something).version, range(20)))
    assert sorted(versions) == registry.versions("imdb") == list(range(1, 21))


def test_a_publisher_that_fails_leaves_no_version_and_no_files(registry: Registry) -> None:
    def fail(directory: Path, version: int) -> None:
        write_something(directory, version)
        raise StoreError("disk on fire")

    with pytest.raises(StoreError, match="disk on fire"):
        registry.publish("imdb", fail)
    assert registry.names() == []
    assert [path for path in registry.store.rglob("*") if path.name == "manifest.json"] == []


def test_a_publisher_that_is_killed_leaves_no_version(registry: Registry) -> None:
    command = [sys.executable, "-c", PUBLISHER_THAT_STANDS_STILL, str(registry.store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as publisher:
        assert publisher.stdout
        assert publisher.stdout.readline() == b"writing\n"
        publisher.send_signal(signal.SIGKILL)
    assert registry.versions("imdb") == []
    assert registry.publish("imdb", write_something).version == 1


def test_a_directory_without_a_manifest_is_no_version(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    half = Path(registry.store) / "imdb" / "6"
    half.mkdir()
    (half / "model.onnx").write_bytes(b"half")
    assert registry.versions("imdb") == [1]
    with pytest.raises(ModelNotFound, match="has no version or label '6'; it has: 1, stable"):
        registry.set_label("imdb", "stable", 6)
    assert registry.publish("imdb", write_something).version == 7, "its number is not used again"


def test_a_label_on_a_version_that_has_gone_keeps_no_other_from_moving(registry: Registry) -> None:
    for _ in range(3):
        registry.publish("imdb", write_something)
    registry.set_label("imdb", "canary", 2)
    shutil.rmtree(Path(registry.store) / "imdb" / "2")
    registry.set_label("imdb", "stable", 3)
    assert registry.labels("imdb")["stable"] == 3


def test_labels_that_cannot_be_read_are_restored_from_the_history(registry: Registry) -> None:
    for _ in range(2):
        registry.publish("imdb", write_something)
    registry.set_label("imdb", "stable", 2)
    (Path(registry.store) / "imdb" / "labels.json").write_text("{")
    with pytest.raises(BadLabels, match=r"is not JSON: .* `python -m models history imdb --json` that took effect\.$"):
        registry.set_label("imdb", "champion", 1)
    assert [each["labels"] for each in registry.history("imdb") if each["took_effect"]][-1] == {"stable": 2}


@pytest.mark.parametrize("name", ["", "a/b", "..", "Upper", "with space", "x" * 65])
def test_a_name_that_is_no_directory_name_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(StoreError, match="cannot name a model"):
        registry.publish(name, write_something)


def test_a_store_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Cannot read the model store"):
        Registry(tmp_path / "nowhere").names()


def test_the_labels_of_a_fresh_store_are_readable_json(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    assert json.loads((registry.store / "imdb" / "labels.json").read_text()) == {"stable": 1}


def test_a_plain_file_in_the_store_is_no_model(registry: Registry) -> None:
    registry.publish("imdb", write_something)
    (Path(registry.store) / "notes").write_text("mine")
    assert registry.names() == ["imdb"]
    with pytest.raises(ModelNotFound, match="there are: imdb"):
        registry.resolve("notes")
