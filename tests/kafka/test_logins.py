"""Every way to log in to a Kafka behind TLS, with each client, and the sentence for each thing that is wrong."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.topics import create_topics
from tests.certificates import Authority
from tests.kafka.secure_kafka import PASSWORD, Permission, SecureKafka
from tests.kafka.token_endpoint import Signer
from tests.kafka.topics import committed, unique
from tests.kafka.waiting import eventually
from worker.commands.common import connect
from worker.errors import AccessDenied, KafkaAway
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.probe import kafka_answers
from worker.kafka.types import CommittedOffset, Connection, Message, Partition, Subscription
from worker.settings.settings import load

LOGINS = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", ""]
USER = "worker"  # the one that PLAIN knows too


@pytest.fixture(scope="module")
def topic(secure: SecureKafka) -> str:
    """A topic that the user may read and write, as a member of any group and with any transactional id."""
    topic = unique("topic")
    create_topics(secure.bootstrap_servers, [topic], 1)
    secure.add_user(USER)
    on_topic = [Permission("topic", topic, "Read"), Permission("topic", topic, "Write")]
    on_ids = [Permission("group", "id-", "Read", True), Permission("transactional id", "id-", "Write", True)]
    secure.allow(USER, [*on_topic, *on_ids])
    return topic


def connection_with(reported: Mapping[str, str]) -> Connection:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in reported.items():
            environment.setenv(name, value)
        return load({}).connection()


@contextmanager
def opened(reported: Mapping[str, str], client: str, topic: str, deadline_seconds: float = 5.0) -> Iterator[Broker]:
    """A started broker with these settings, which are environment variables, in a group of its own."""
    broker = open_broker(client, connection_with(reported), Subscription(topic, unique("id")), unique("id"))
    try:
        connect.start(broker, deadline_seconds, topic)
        yield broker
    finally:
        broker.close()


def write(broker: Broker, topic: str) -> bytes:
    """Commit one message, in a transaction; its value."""
    value = uuid.uuid4().hex.encode()
    broker.produce([Message(topic, b"key", value, [])])
    broker.commit({})
    return value


def values(secure: SecureKafka, topic: str) -> list[bytes]:
    return [record.value for record in committed(secure, topic)]


@pytest.mark.parametrize("mechanism", LOGINS)
def test_a_login_opens_kafka(secure: SecureKafka, client: str, topic: str, mechanism: str) -> None:
    reported = secure.settings(mechanism, USER, "CLIENTS" if mechanism else "MUTUAL")
    assert kafka_answers(connection_with(reported))
    with opened(reported, client, topic) as broker:
        value = write(broker, topic)
        eventually(lambda: bool(broker.poll(10, 0.5).records), 30, "nothing was read")
        broker.commit({Partition(topic, 0): CommittedOffset(1)})
    assert value in values(secure, topic)


def test_a_locked_key_opens_with_its_password(secure: SecureKafka, client: str, topic: str) -> None:
    reported = secure.settings("", USER, "MUTUAL")
    locked = secure.authority.issue(USER, key_password="sesame")
    reported |= {
        "SENTIMENT_KAFKA_SSL_CERTIFICATE_FILE": str(locked.both_file),
        "SENTIMENT_KAFKA_SSL_KEY_PASSWORD": "sesame",
    }
    del reported["SENTIMENT_KAFKA_SSL_KEY_FILE"]
    with opened(reported, client, topic) as broker:
        assert write(broker, topic) in values(secure, topic)


def wrong(secure: SecureKafka, case: str) -> dict[str, str]:
    """Settings with one thing wrong."""
    scram, mutual = secure.settings("SCRAM-SHA-512", USER), secure.settings("", USER, "MUTUAL")
    stranger, name = Authority(secure.folder, "stranger"), "SENTIMENT_KAFKA_"
    expired = str(secure.authority.issue("expired", expired=True).both_file)
    foreign = str(stranger.issue("foreign").both_file)
    return {
        "another authority": scram | {f"{name}SSL_CA_FILE": str(stranger.file)},
        "another host": mutual | {f"{name}BOOTSTRAP_SERVERS": secure.kafka.address(1, "MISNAMED")},
        "no client certificate": {k: v for k, v in mutual.items() if "KEY" not in k and "CERTIFICATE" not in k},
        "an expired client certificate": mutual | dict.fromkeys(_own(mutual), expired),
        "a stranger's client certificate": mutual | dict.fromkeys(_own(mutual), foreign),
        "another password": scram | {f"{name}SASL_PASSWORD": "wrong-horse"},
        "another secret": secure.settings("OAUTHBEARER", USER) | {f"{name}SASL_OAUTH_CLIENT_SECRET": "wrong-horse"},
        "no TLS": secure.settings("SCRAM-SHA-512", USER, "PASSWORDS")
        | {f"{name}BOOTSTRAP_SERVERS": secure.kafka.address(1)},
        "no login": mutual | {f"{name}BOOTSTRAP_SERVERS": secure.kafka.address(1)},
        "TLS with a plain port": scram | {f"{name}BOOTSTRAP_SERVERS": secure.bootstrap_servers},
    }[case]


def _own(reported: Mapping[str, str]) -> list[str]:
    return [name for name in reported if name.endswith(("CERTIFICATE_FILE", "KEY_FILE"))]


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("another authority", r"certificate at .* is not trusted \(.*\): check SENTIMENT_KAFKA_SSL_CA_FILE$"),
        ("another host", r"is for another host .*127.0.0.1.* in SENTIMENT_KAFKA_BOOTSTRAP_SERVERS$"),
        ("no client certificate", r"wants a client certificate .*: check SENTIMENT_KAFKA_SSL_CERTIFICATE_FILE$"),
        ("an expired client certificate", r"refuses our certificate .*has it expired"),
        ("a stranger's client certificate", r"refuses our certificate .*an authority that Kafka trusts"),
        ("another password", r"refuses the credentials .*: check the SENTIMENT_KAFKA_SASL_ settings$"),
        ("another secret", r"answers 401 \(invalid_client .*\): check the SENTIMENT_KAFKA_SASL_OAUTH_ settings$"),
        ("no TLS", r"wants TLS: .*SENTIMENT_KAFKA_SECURITY_PROTOCOL$"),
    ],
)
def test_what_is_wrong_is_said_at_once(secure: SecureKafka, client: str, topic: str, case: str, sentence: str) -> None:
    with pytest.raises(AccessDenied, match=sentence) as caught, opened(wrong(secure, case), client, topic):
        pass
    assert "horse" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", ["no login", "TLS with a plain port"])
def test_a_wrong_protocol_is_said_after_trying_again(secure: SecureKafka, client: str, topic: str, case: str) -> None:
    with (
        pytest.raises(KafkaAway, match="SENTIMENT_KAFKA_SECURITY_PROTOCOL"),
        opened(wrong(secure, case), client, topic, 0.5),
    ):
        pass


def test_writing_goes_on_past_the_life_of_a_token(secure: SecureKafka, client: str, topic: str) -> None:
    # The new token is asked for after four fifths of it and must be there after nine tenths, on a busy machine too.
    secure.endpoint.lifetime_seconds = 12.0
    try:
        with opened(secure.settings("OAUTHBEARER", USER), client, topic) as broker:
            written, over = [write(broker, topic)], time.monotonic() + secure.endpoint.lifetime_seconds
            while time.monotonic() < over:
                written.append(write(broker, topic))
            written.append(write(broker, topic))
    finally:
        secure.endpoint.lifetime_seconds = 300.0
    assert set(written) <= set(values(secure, topic))


def test_a_token_may_lie_in_a_file(secure: SecureKafka, client: str, topic: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(secure.endpoint.signer.token(USER) + "\n")
    reported = {k: v for k, v in secure.settings("OAUTHBEARER", USER).items() if "OAUTH_" not in k}
    reported["SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_FILE"] = str(tmp_path / "token")
    with opened(reported, client, topic) as broker:
        assert write(broker, topic) in values(secure, topic)


def test_a_token_of_another_signer_is_refused(secure: SecureKafka, client: str, topic: str, tmp_path: Path) -> None:
    forged = Signer(tmp_path).token(USER)  # under the same key id
    (tmp_path / "token").write_text(forged)
    reported = {k: v for k, v in secure.settings("OAUTHBEARER", USER).items() if "OAUTH_" not in k}
    reported["SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_FILE"] = str(tmp_path / "token")
    with pytest.raises(AccessDenied, match="SENTIMENT_KAFKA_SASL_") as caught, opened(reported, client, topic):
        pass
    assert forged not in str(caught.value)
    assert PASSWORD not in str(caught.value)
