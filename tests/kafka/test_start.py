"""What a worker needs from Kafka at its start, and the sentence with which it ends when that is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import OwnedProcesses
from models.registry.registry import Registry
from tests.kafka.stream import Stream
from tests.kafka.topics import unique
from tests.kafka.waiting import eventually
from tests.kafka.workers import Worker
from tests.versions import BREAKS, NAME, add_version
from worker.commands.rolling_check.checker import Verdict

END_SECONDS = 40.0
# Two of one id take turns at fencing each other until one meets it often enough in a row.
FIGHT_SECONDS = 120.0
PASSWORD = "correct-horse"
LISTENER = "listener.name.clients"
DEMANDS_A_PASSWORD = {
    "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLERS:PLAINTEXT",
    f"{LISTENER}.sasl.enabled.mechanisms": "PLAIN",
    f"{LISTENER}.plain.sasl.jaas.config": (
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_worker="{PASSWORD}";'
    ),
}


@pytest.fixture(scope="module")
def locked_kafka() -> Iterator[LocalKafka]:
    with LocalKafka(properties=DEMANDS_A_PASSWORD) as kafka:
        yield kafka


def worker_with_password(processes: OwnedProcesses, kafka: LocalKafka, client: str, password: str) -> Worker:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_CLIENT": client,
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": "worker",
        "KAFKA_SASL_PASSWORD": password,
        "HTTP_PORT": "0",
    }
    return Worker(processes, {f"SENTIMENT_{name}": value for name, value in settings.items()})


def test_a_wrong_password_ends_the_worker_with_the_setting_to_check(
    processes: OwnedProcesses, locked_kafka: LocalKafka, client: str
) -> None:
    worker = worker_with_password(processes, locked_kafka, client, "wrong-horse")
    assert worker.wait_for_end(END_SECONDS) == 1
    assert "SENTIMENT_KAFKA_SASL_" in worker.error()
    assert "Traceback" not in worker.log
    assert "horse" not in worker.log


def test_the_right_password_opens_kafka(processes: OwnedProcesses, locked_kafka: LocalKafka, client: str) -> None:
    worker = worker_with_password(processes, locked_kafka, client, PASSWORD)
    assert worker.wait_for_end(END_SECONDS) == 1
    assert "does not exist" in worker.error()


@pytest.mark.parametrize("role", ["input_topic", "output_topic", "dead_letter_topic"])
def test_a_missing_topic_ends_the_worker_with_the_way_to_create_it(stream: Stream, role: str) -> None:
    nowhere = unique("nowhere")
    worker = stream.worker(**{role: nowhere})
    assert worker.wait_for_end(END_SECONDS) == 1
    assert nowhere in worker.error()
    assert "--create-topics" in worker.error()
    assert "Traceback" not in worker.log


@pytest.mark.alone
def test_one_of_two_live_workers_of_the_same_instance_id_ends_with_the_setting_to_change(stream: Stream) -> None:
    twins = [stream.worker(instance_id="the-same") for _ in range(2)]
    with stream.load():
        eventually(lambda: any(twin.status is not None for twin in twins), FIGHT_SECONDS, "both go on")
    loser = next(twin for twin in twins if twin.status is not None)
    assert loser.status == 1
    assert "SENTIMENT_INSTANCE_ID" in loser.error()
    assert stream.verdict() == Verdict()


@pytest.fixture
def broken_stable(tmp_path: Path) -> dict[str, str]:
    """The settings for a store of three versions, of which the stable one, the second, is broken."""
    for _ in range(3):
        add_version(tmp_path)
    Registry(tmp_path).set_label(NAME, "stable", 2)
    BREAKS["truncated"](tmp_path / NAME / "2")
    return {"model_store": str(tmp_path), "model_name": NAME}


@pytest.mark.parametrize("client", ["kafka-python"])
def test_a_broken_stable_version_ends_the_worker_with_what_is_wrong(
    stream: Stream, broken_stable: dict[str, str]
) -> None:
    worker = stream.worker(**broken_stable)
    assert worker.wait_for_end(END_SECONDS) == 1
    assert f"{NAME}/2/model.onnx is not the file that was published" in worker.error()
    assert "Traceback" not in worker.log


@pytest.mark.parametrize("client", ["kafka-python"])
def test_the_newest_good_version_serves_in_place_of_a_broken_one_where_that_is_set(
    stream: Stream, broken_stable: dict[str, str]
) -> None:
    [worker] = stream.ready_workers(1, model_fallback="newest", **broken_stable)
    stream.send_reviews(100)
    assert worker.metric("model_refused", version="2") == 1
    assert stream.verdict(versions=(3,)) == Verdict()
