"""Permissions on a Kafka with an authorizer, really tried with each client: what is missing is named."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from deploy.local.kafka import LocalKafka
from deploy.local.processes import wait_until
from worker.commands.doctor.checks import CHECKS, examine
from worker.commands.doctor.context import CheckContext
from worker.commands.doctor.results import Finding, Mark
from worker.kafka.types import MAX_MESSAGE_BYTES
from worker.settings.settings import load

ABOUT_KAFKA = tuple(check for check in CHECKS if check.subject not in ("machine", "model", "speed", "Redis"))
CLIENTS = ("kafka-python", "librdkafka")
TOPICS = ("reviews", "sentiments", "reviews.dead-letter")
USERS = ("admin", "worker", "no-input", "no-output", "no-group", "no-transactions", "stranger")
PROPERTIES = {
    "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLERS:PLAINTEXT",
    "listener.name.clients.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.clients.plain.sasl.jaas.config": (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        + " ".join(f'user_{user}="{user}-password"' for user in USERS)
        + ";"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:admin",
}
# By the user who lacks it; a worker has all of them and nothing else.
GRANTS = {
    "no-input": (ACLOperation.READ, ResourceType.TOPIC, "reviews", ACLResourcePatternType.LITERAL),
    "no-output": (ACLOperation.WRITE, ResourceType.TOPIC, "sentiments", ACLResourcePatternType.LITERAL),
    "": (ACLOperation.WRITE, ResourceType.TOPIC, "reviews.dead-letter", ACLResourcePatternType.LITERAL),
    "no-group": (ACLOperation.READ, ResourceType.GROUP, "sentiment", ACLResourcePatternType.LITERAL),
    "no-transactions": (
        ACLOperation.WRITE,
        ResourceType.TRANSACTIONAL_ID,
        "sentiment-",
        ACLResourcePatternType.PREFIXED,
    ),
}
Examine = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def locked_kafka() -> Iterator[LocalKafka]:
    """A Kafka with the three topics and users who each lack one permission of a worker, all of them, or none."""
    with LocalKafka(properties=PROPERTIES) as kafka, KafkaAdminClient(**login(kafka, "admin")) as admin:
        configs = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
        admin.create_topics(
            {topic: {"num_partitions": 2, "configs": configs} for topic in TOPICS}, wait_for_metadata=True
        )
        acls = [
            ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name, pattern))
            for user in USERS[1:-1]
            for lacking, (operation, kind, name, pattern) in GRANTS.items()
            if lacking != user
        ]
        admin.create_acls(acls)
        with KafkaAdminClient(**login(kafka, "worker")) as worker:
            seen = lambda: not any(each["error_code"] for each in worker.describe_topics(list(TOPICS)))  # noqa: E731
            wait_until(seen, 10.0, lambda: "the permissions were not granted in time")
        with closing(KafkaProducer(**login(kafka, "admin"))) as producer:
            producer.send("reviews", b'{"text":"a fine film"}', key=b"key")
        yield kafka


def login(kafka: LocalKafka, user: str) -> dict[str, Any]:
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": f"{user}-password",
    }


@pytest.fixture(params=CLIENTS)
def examined(locked_kafka: LocalKafka, request: pytest.FixtureRequest) -> Examine:
    """What is found for a user."""

    def check(user: str, delivery: str = "exactly_once", **settings: Any) -> list[Finding]:
        given = {
            "kafka_bootstrap_servers": locked_kafka.bootstrap_servers,
            "kafka_client": request.param,
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_sasl_username": user,
            "kafka_sasl_password": f"{user}-password",
            "delivery": delivery,
        }
        context = CheckContext(load({name: value for name, value in (given | settings).items() if value is not None}))
        findings = list(examine(context, ABOUT_KAFKA))
        context.close()
        return findings

    return check


def failed(findings: list[Finding]) -> list[str]:
    return [each.found for each in findings if each.mark is Mark.FAILS]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_the_permissions_in_the_readme_are_enough(examined: Examine, delivery: str) -> None:
    findings = examined("worker", delivery)
    assert failed(findings) == []
    [held] = [each.found for each in findings if each.subject == "permissions"]
    assert held.startswith("User:worker has Read on topic reviews")
    assert "read 1, all valid" in [each.found for each in findings]


def test_what_may_not_be_seen_is_skipped_with_the_command_that_grants_it(examined: Examine) -> None:
    hidden = {each.subject: each.advice for each in examined("worker") if each.mark is Mark.SKIPPED}
    assert hidden["Kafka limits"].endswith("--operation DescribeConfigs --cluster")
    assert hidden["topic settings"].endswith("--topic reviews --topic sentiments --topic reviews.dead-letter")


@pytest.mark.parametrize(
    ("user", "lacks"),
    [
        ("no-input", "Read on topic reviews"),
        ("no-output", "Write on topic sentiments"),
        ("no-group", "Read on group sentiment"),
        ("no-transactions", "Write on transactional id sentiment- (and all that begin so)"),
    ],
)
def test_one_missing_permission_of_exactly_once_is_named(examined: Examine, user: str, lacks: str) -> None:
    assert failed(examined(user)) == [f"User:{user} lacks {lacks}"]


@pytest.mark.parametrize(("user", "lacks"), [("no-transactions", []), ("no-group", ["Read on group sentiment"])])
def test_at_least_once_needs_no_transactions(examined: Examine, user: str, lacks: list[str]) -> None:
    assert failed(examined(user, "at_least_once")) == [f"User:{user} lacks {each}" for each in lacks]


def test_a_stranger_lacks_all(examined: Examine) -> None:
    findings = examined("stranger")
    assert len(failed(findings)) == len(GRANTS)
    assert not [each for each in findings if each.subject == "permissions" and each.mark is Mark.OK]


def test_a_wrong_password_fails_and_nothing_else_is_tried(examined: Examine) -> None:
    findings = examined("worker", kafka_sasl_password="wrong-horse")
    [refused] = failed(findings)
    assert "SENTIMENT_KAFKA_SASL_" in refused
    assert "wrong-horse" not in refused
    assert [each.subject for each in findings if each.mark is Mark.OK] == ["settings", "Kafka address"]


def test_the_wrong_security_protocol_fails_with_the_setting(examined: Examine) -> None:
    login = dict.fromkeys(("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"))
    findings = examined("worker", kafka_security_protocol="PLAINTEXT", **login)
    [refused] = [each for each in findings if each.mark is Mark.FAILS]
    assert "SENTIMENT_KAFKA_SECURITY_PROTOCOL" in refused.advice
