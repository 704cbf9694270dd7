"""Which permissions are needed and missing, and the commands that grant them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from worker.commands.doctor.permissions import (
    GROUP,
    TOPIC,
    TRANSACTIONAL_ID,
    Permission,
    evaluate,
    grant,
    grant_sight,
    missing,
    needed,
    principal_of,
)
from worker.commands.doctor.results import Mark
from worker.settings.settings import Settings, load

ALL_TOPICS = {
    "reviews": {"READ", "DESCRIBE"},
    "sentiments": {"WRITE", "DESCRIBE"},
    "reviews.dead-letter": {"WRITE", "DESCRIBE"},
}
ALL_TRIED = {GROUP: True, TRANSACTIONAL_ID: True}


def lacking(settings: Settings, **changed: Any) -> set[Permission]:
    return set(missing(needed(settings), changed.get("topics", ALL_TOPICS), changed.get("tried", ALL_TRIED)))


def test_exactly_once_needs_transactional_ids_and_at_least_once_does_not() -> None:
    transactions = Permission("WRITE", TRANSACTIONAL_ID, "sentiment-")
    exactly, at_least = needed(load({})), needed(load({"delivery": "at_least_once"}))
    assert set(exactly) - set(at_least) == {transactions}


def test_the_shadows_topic_is_written_where_it_is_set() -> None:
    assert Permission("WRITE", TOPIC, "shadows") in needed(load({"shadow_topic": "shadows"}))


def test_nothing_is_missing_where_all_is_there() -> None:
    assert lacking(load({})) == set()


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_a_topic_that_may_only_be_seen_is_not_enough(topic: str) -> None:
    [permission] = lacking(load({}), topics=ALL_TOPICS | {topic: {"DESCRIBE"}})
    assert (permission.kind, permission.name) == (TOPIC, topic)


@pytest.mark.parametrize("kind", ALL_TRIED)
def test_what_kafka_refused_when_tried_is_missing(kind: str) -> None:
    [permission] = lacking(load({}), tried=ALL_TRIED | {kind: False})
    assert permission.kind == kind


def test_what_could_not_be_asked_is_neither_missing_nor_there() -> None:
    settings = load({})
    assert lacking(settings, topics={}, tried={}) == set()
    assert evaluate(needed(settings), {}, {}, "User:worker", "kafka:9092") == []


def test_what_is_missing_fails_with_the_command_that_grants_it() -> None:
    findings = evaluate(
        needed(load({})), ALL_TOPICS, {GROUP: False, TRANSACTIONAL_ID: True}, "User:worker", "kafka:9092"
    )
    [failed] = [each for each in findings if each.mark is Mark.FAILS]
    assert failed.found == "User:worker lacks Read on group sentiment"
    assert failed.advice == (
        "kafka-acls.sh --bootstrap-server kafka:9092 --command-config admin.properties --add "
        "--allow-principal User:worker --operation Read --operation Describe --group sentiment"
    )


def test_transactional_ids_are_granted_by_their_beginning() -> None:
    command = grant(Permission("WRITE", TRANSACTIONAL_ID, "sentiment-"), "User:worker", "kafka:9092")
    assert command.endswith(
        "--operation Write --operation Describe --resource-pattern-type prefixed --transactional-id sentiment-"
    )


def test_names_are_quoted_for_the_shell() -> None:
    assert "--allow-principal 'User:CN=worker, O=A B'" in grant_sight(["a"], "User:CN=worker, O=A B", "kafka:9092")


def test_sight_is_granted_for_topics_or_for_the_servers() -> None:
    assert grant_sight(["a", "b"], "User:worker", "kafka:9092").endswith(
        "--operation DescribeConfigs --topic a --topic b"
    )
    assert grant_sight([], "User:worker", "kafka:9092").endswith("--operation DescribeConfigs --cluster")


def test_the_principal_of_a_certificate_is_its_subject(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Shop"), x509.NameAttribute(NameOID.COMMON_NAME, "worker")]
    )
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (tmp_path / "worker.pem").write_bytes(builder.sign(key, None).public_bytes(Encoding.PEM))
    settings = load({"kafka_security_protocol": "SSL", "kafka_ssl_certificate_file": tmp_path / "worker.pem"})
    assert principal_of(settings) == "User:CN=worker,O=Shop"


def test_the_principal_is_who_logs_in() -> None:
    login = {"kafka_sasl_mechanism": "PLAIN", "kafka_sasl_username": "worker", "kafka_sasl_password": "secret"}
    assert principal_of(load({"kafka_security_protocol": "SASL_SSL", **login})) == "User:worker"
    assert principal_of(load({})) == "User:ANONYMOUS"
    assert principal_of(load({"kafka_security_protocol": "SSL"})) == "User:ANONYMOUS"
