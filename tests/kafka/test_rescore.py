"""`python -m worker rescore` on a real broker, beside the stream that scored first; both clients where it counts."""

import json
import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.kafka import LocalKafka
from deploy.local.processes import wait_until
from models.registry.registry import PACKAGED_STORE
from tests.kafka.topics import committed, topic_names, unique
from tests.reviews import sample
from tests.versions import NAME, OPPOSITE, add_version
from tests.worker.commands.command_line import LIMIT_SECONDS, Commands
from worker.kafka.connect import open_broker
from worker.kafka.types import CommittedOffset, Connection, Message, Partition

MODEL = f"{NAME}@2"


class Rescorings:
    """Reviews in a topic, and rescorings of it with a version that answers the opposite of the packaged one."""

    def __init__(self, commands: Commands, store: Path) -> None:
        self.commands = commands
        self.kafka = commands.kafka
        self.to = unique("rescored")
        commands.settings |= {
            "SENTIMENT_MODEL_STORE": str(store),
            "SENTIMENT_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "SENTIMENT_REDIS_URL": "",
        }

    def send(self, count: int) -> None:
        texts = sample().texts
        values = [json.dumps({"id": f"r{n}", "text": texts[n % len(texts)]}).encode() for n in range(count)]
        keys = [b"key-%d" % (number % 40) for number in range(count)]
        headers = [("traceparent", b"00-1")]
        messages = [Message(self.commands.input, key, value, headers) for key, value in zip(keys, values, strict=True)]
        self.commands.write(*messages)

    def arguments(self, *further: str) -> list[str]:
        return ["rescore", "--model", MODEL, "--to", self.to, "--create-topic", *further]

    def report(self, *further: str) -> dict[str, Any]:
        status, out, err = self.commands.outcome(*self.arguments("--json", *further))
        assert status == 0, err
        report: dict[str, Any] = json.loads(out)
        return report

    def stored(self) -> list[Any]:
        """What stands in the target topic, which may not be there yet."""
        return committed(self.kafka, self.to) if self.to in topic_names(self.kafka) else []

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(record.value) for record in self.stored()]

    def live_position(self, next_offset: int) -> None:
        """Have the workers' group be so far, on each partition."""
        broker = open_broker("kafka-python", Connection(self.kafka.bootstrap_servers), None, None)
        parts = [Partition(self.commands.input, number) for number in range(4)]
        group = self.commands.settings["SENTIMENT_KAFKA_GROUP_ID"]
        broker.set_group_offsets(group, dict.fromkeys(parts, CommittedOffset(next_offset)))
        broker.close()


@pytest.fixture(params=["kafka-python", "librdkafka"])
def rescorings(kafka: LocalKafka, request: pytest.FixtureRequest, tmp_path: Path) -> Rescorings:
    store = shutil.copytree(PACKAGED_STORE, tmp_path / "store")
    add_version(store, OPPOSITE)
    return Rescorings(Commands(kafka, request.param), store)


def test_every_review_is_scored_once_by_the_chosen_version(rescorings: Rescorings) -> None:
    rescorings.send(2_000)
    report = rescorings.report()
    assert (report["records"], report["scored"], report["results"]) == (2_000, 2_000, 2_000)
    results = rescorings.results()
    assert Counter(result["id"] for result in results) == Counter(f"r{number}" for number in range(2_000))
    assert {(result["model"], result["version"]) for result in results} == {(NAME, 2)}


@pytest.mark.parametrize("rescorings", ["kafka-python"], indirect=True)
def test_results_carry_the_key_the_headers_and_the_partition_of_their_review(rescorings: Rescorings) -> None:
    rescorings.send(200)
    rescorings.report()
    locations = {json.loads(r.value)["id"]: (r.partition, r.key) for r in committed(rescorings.kafka, rescorings.to)}
    sent = committed(rescorings.kafka, rescorings.commands.input)
    assert locations == {json.loads(r.value)["id"]: (r.partition, r.key) for r in sent}
    assert all(r.headers == [("traceparent", b"00-1")] for r in committed(rescorings.kafka, rescorings.to))


@pytest.mark.parametrize("rescorings", ["librdkafka"], indirect=True)
def test_the_report_holds_the_opposite_against_what_a_worker_said(rescorings: Rescorings) -> None:
    rescorings.send(300)
    old = score_with_a_worker(rescorings)
    report = rescorings.report()
    classes = Counter(result["sentiment"] for result in old)
    flips = {"positive -> negative": classes["positive"], "negative -> positive": classes["negative"]}
    differences = [abs(2 * result["scores"]["positive"] - 1) for result in old]
    assert (report["compared"], report["agreement_ratio"], report["flips"]) == (300, 0.0, flips)
    assert report["old_versions"] == {f"{NAME}@1": 300}
    assert report["mean_absolute_score_difference"] == pytest.approx(sum(differences) / 300, abs=1e-5)
    assert report["class_mix"]["old"] == {name: count / 300 for name, count in classes.items()}
    assert report["class_mix"]["new"] == {"positive": classes["negative"] / 300, "negative": classes["positive"] / 300}


def score_with_a_worker(rescorings: Rescorings) -> list[dict[str, Any]]:
    """What the packaged version says to all reviews."""
    commands = rescorings.commands
    commands.settings |= {"SENTIMENT_MODEL_NAME": NAME, "SENTIMENT_HTTP_PORT": "0"}
    with commands.start("run") as worker:
        count = len(committed(commands.kafka, commands.input))
        wait_until(lambda: len(committed(commands.kafka, commands.output)) >= count, LIMIT_SECONDS, lambda: "too slow")
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=LIMIT_SECONDS)
    return [json.loads(record.value) for record in committed(commands.kafka, commands.output)]


def test_a_range_of_offsets(rescorings: Rescorings) -> None:
    rescorings.send(400)
    assert rescorings.report("--from", "0:5,2:7", "--until", "0:15,1:9,2:8")["records"] == 11
    sent = {
        json.loads(r.value)["id"]: (r.partition, r.offset)
        for r in committed(rescorings.kafka, rescorings.commands.input)
    }
    scored = sorted(sent[result["id"]] for result in rescorings.results())
    assert scored == [*((0, offset) for offset in range(5, 15)), (2, 7)]


def test_a_range_of_time(rescorings: Rescorings) -> None:
    moments = []
    for count in (100, 250, 50):
        moments.append(time.time())
        rescorings.send(count)
        wait_for_the_clock(rescorings)
    since, until = (
        f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(m))}.{int(m * 1000) % 1000:03}Z" for m in moments[1:]
    )
    report = rescorings.report("--from", since, "--until", until)
    assert report["records"] == 250


def wait_for_the_clock(rescorings: Rescorings) -> None:
    """Until it is later than any review's timestamp."""
    newest = max(record.timestamp for record in committed(rescorings.kafka, rescorings.commands.input))
    wait_until(lambda: time.time() * 1000 > newest + 2, LIMIT_SECONDS, lambda: "the clock stands still")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_was_stopped_goes_on_with_the_same_range_and_doubles_nothing(
    rescorings: Rescorings, number: signal.Signals
) -> None:
    rescorings.send(2_000)
    with rescorings.commands.start(*rescorings.arguments("--rate", "400")) as process:
        wait_until(lambda: len(rescorings.stored()) > 300, LIMIT_SECONDS, lambda: "nothing came")
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT_SECONDS)
    killed = number == signal.SIGKILL
    reported = "" if killed else "stopped: the same command goes on from here\n"
    assert (process.returncode, err) == (-signal.SIGKILL if killed else 130, reported)
    rescorings.send(2_100)
    assert 300 < len(rescorings.stored()) < 2_000
    assert rescorings.report()["records"] == 2_000
    results = rescorings.results()
    assert Counter(result["id"] for result in results) == Counter(f"r{number}" for number in range(2_000))


@pytest.mark.parametrize("rescorings", ["librdkafka"], indirect=True)
def test_a_finished_range_shows_its_report_again(rescorings: Rescorings) -> None:
    rescorings.send(100)
    first = rescorings.report()
    rescorings.send(100)
    again = rescorings.report()
    assert again | {"seconds": 0} == first | {"seconds": 0}
    assert "has finished this range: nothing is left to score.\nScored 100 of 100 records" in rescorings.commands(
        *rescorings.arguments()
    )


@pytest.mark.parametrize("rescorings", ["kafka-python"], indirect=True)
def test_it_waits_while_the_live_group_is_behind(rescorings: Rescorings) -> None:
    rescorings.send(2_000)
    rescorings.live_position(0)
    with rescorings.commands.start(*rescorings.arguments("--json", "--max-live-lag", "1500")) as process:
        assert process.stderr is not None
        waiting = json.loads(process.stderr.readline())
        assert (waiting["event"], waiting["lag"]) == ("waiting for the live group", 2_000)
        assert rescorings.stored() == []
        rescorings.live_position(10_000)
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert (process.returncode, json.loads(out)["scored"]) == (0, 2_000), err


@pytest.mark.parametrize("rescorings", ["kafka-python"], indirect=True)
def test_two_processes_share_the_work(rescorings: Rescorings) -> None:
    rescorings.send(2_000)
    with start_as(rescorings, "one") as one, start_as(rescorings, "two") as two:
        wait_until(lambda: members(rescorings) == 2, LIMIT_SECONDS, lambda: "they never shared")
        outcomes = [json.loads(process.communicate(timeout=LIMIT_SECONDS)[0]) for process in (one, two)]
    assert {outcome["records"] for outcome in outcomes if "records" in outcome} == {2_000}
    assert Counter(result["id"] for result in rescorings.results()) == Counter(f"r{n}" for n in range(2_000))


def start_as(rescorings: Rescorings, instance: str) -> "subprocess.Popen[str]":
    """A process of the rescoring's group that takes its time."""
    rescorings.commands.settings["SENTIMENT_INSTANCE_ID"] = instance
    return rescorings.commands.start(*rescorings.arguments("--json", "--rate", "200"))


def members(rescorings: Rescorings) -> int:
    """How many processes the rescoring's group has at the moment."""
    settings = rescorings.commands.settings
    group = f"{settings['SENTIMENT_KAFKA_GROUP_ID']}-rescore-{NAME}-2-{rescorings.to}"
    with KafkaAdminClient(bootstrap_servers=rescorings.kafka.bootstrap_servers) as admin, suppress(KafkaError):
        return len(admin.describe_groups([group])[group]["members"])
    return 0
