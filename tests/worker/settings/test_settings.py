"""Settings: where they come from, what is refused and how, and that secrets stay secret."""

import argparse
import json
from pathlib import Path

import pytest

from tests.certificates import Authority
from worker.errors import BadUse
from worker.kafka.types import Security
from worker.settings.settings import Settings, add_flags, description, given_flags, load
from worker.tls import TlsFiles


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load_failure(**flags: object) -> str:
    """The sentence that these flags get."""
    with pytest.raises(BadUse) as caught:
        load(flags)
    assert caught.value.exit_status == 2
    return str(caught.value)


def parsed(*arguments: str) -> Settings:
    """The settings from a command line."""
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return load(given_flags(parser.parse_args(arguments)))


def test_everything_has_a_default() -> None:
    assert load({}).input_topic == "reviews"
    assert load({}).delivery == "exactly_once"


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_INPUT_TOPIC", "from-environment")
    monkeypatch.setenv("SENTIMENT_HTTP_PORT", "9000")
    assert parsed("--input-topic", "from-flag").input_topic == "from-flag"
    assert parsed().input_topic == "from-environment"
    assert parsed().http_port == 9000


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_REDIS_URL", "")
    assert load({}).redis_url is None


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_INPUT_TOPICS", "reviews")
    assert "SENTIMENT_INPUT_TOPICS" in load_failure()


def test_a_flag_excuses_no_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_INPUT_TOPICS", "reviews")
    assert "SENTIMENT_INPUT_TOPICS" in load_failure(input_topic="reviews")


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENTAL", "1")
    monkeypatch.setenv("INPUT_TOPIC", "of somebody else")
    assert load({}).input_topic == "reviews"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_port", "65536"),
        ("http_port", "many"),
        ("max_batch_records", "0"),
        ("max_batch_wait_seconds", "-1"),
        ("max_dead_letter_ratio", "1.1"),
        ("kafka_client", "pykafka"),
        ("delivery", "at_most_once"),
        ("kafka_session_timeout_seconds", "inf"),
        ("kafka_deadline_seconds", "nan"),
        ("text_field", "review/body"),
        ("text_field", "/a~2"),
        ("input_topic", ""),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    assert load_failure(**{name: value}).startswith(f"SENTIMENT_{name.upper()}={value!r}: ")


def test_every_wrong_value_is_told_at_once() -> None:
    sentence = load_failure(http_port="x", delivery="x")
    assert "SENTIMENT_HTTP_PORT='x': " in sentence
    assert "SENTIMENT_DELIVERY='x': " in sentence


@pytest.mark.parametrize("role", ["input", "output", "dead_letter", "shadow"])
@pytest.mark.parametrize("name", ["bad topic!", ".", "..", "größe", "a\n", "a" * 250])
def test_a_name_that_no_topic_can_have_is_refused(role: str, name: str) -> None:
    sentence = load_failure(**{f"{role}_topic": name})
    assert sentence.startswith(f"SENTIMENT_{role.upper()}_TOPIC={name!r}: no topic can be named so")


def test_every_name_that_a_topic_can_have_is_taken() -> None:
    assert load({"input_topic": "a" * 249, "output_topic": "Az_0.9-", "dead_letter_topic": "..."})


@pytest.mark.parametrize("names", [("input_topic", "output_topic"), ("output_topic", "dead_letter_topic")])
def test_topics_must_differ(names: tuple[str, str]) -> None:
    assert "three different topics" in load_failure(**dict.fromkeys(names, "same"))


def test_the_deadline_must_end_before_the_transaction() -> None:
    assert "SENTIMENT_KAFKA_DEADLINE_SECONDS" in load_failure(
        kafka_deadline_seconds=15, kafka_transaction_timeout_seconds=15
    )


SECRETS = (
    "kafka_sasl_password",
    "kafka_sasl_oauth_client_secret",
    "kafka_ssl_key_password",
    "redis_url",
    "redis_password",
)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("redis://:hush@somewhere\n")
    secret = getattr(load({f"{name}_file": str(tmp_path / "secret")}), name)
    assert secret.get_secret_value() == "redis://:hush@somewhere"


def test_a_secret_file_may_be_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("hush")
    monkeypatch.setenv("SENTIMENT_KAFKA_SASL_PASSWORD_FILE", str(tmp_path / "secret"))
    assert load({}).connection().security.password == "hush"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_and_its_file_are_one_too_many(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("hush")
    monkeypatch.setenv(f"SENTIMENT_{name.upper()}", "loud")
    sentence = load_failure(**{f"{name}_file": str(tmp_path / "secret")})
    assert "not both" in sentence
    assert "loud" not in sentence


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    sentence = load_failure(redis_url_file=str(tmp_path / "secret"))
    assert sentence.startswith("SENTIMENT_REDIS_URL_FILE: cannot read")


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"SENTIMENT_{name.upper()}", "hush")
    loaded = load({"kafka_sasl_username": "me"})
    for shown in (json.dumps(loaded.masked()), repr(loaded), str(loaded)):
        assert "hush" not in shown
        assert "me" in shown


def test_a_wrong_setting_does_not_betray_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_REDIS_URL", "redis://:hush@somewhere")
    assert "hush" not in load_failure(http_port="x", kafka_deadline_seconds=99)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_wrong_is_named_and_not_shown(name: str) -> None:
    assert load_failure(**{name: 12345}).startswith(f"SENTIMENT_{name.upper()}: ")
    assert "12345" not in load_failure(**{name: 12345})


def test_a_password_in_an_address_is_not_shown() -> None:
    sentence = load_failure(kafka_sasl_oauth_token_url="http://me:hush@identity.example/")
    assert sentence.startswith("SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_URL: ")
    assert "hush" not in sentence


def test_no_secret_has_a_flag() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    flags = {action.dest for action in parser._actions} - {"help"}
    assert flags == set(Settings.model_fields) - set(SECRETS)


def test_help_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parsed("--help")
    shown = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in shown for name in Settings.model_fields if name not in SECRETS)


def test_the_connection_is_what_was_set(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    connection = load(
        {
            "kafka_bootstrap_servers": "a:1,b:2",
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_sasl_username": "me",
            "kafka_sasl_password": "hush",
            "kafka_ssl_ca_file": str(authority.file),
            "kafka_deadline_seconds": "3",
        }
    ).connection()
    assert connection.bootstrap_servers == "a:1,b:2"
    assert connection.security == Security("SASL_SSL", "PLAIN", "me", "hush", TlsFiles(authority.file))
    assert (connection.session_timeout, connection.transaction_timeout, connection.deadline) == (10.0, 15.0, 3.0)


def test_every_setting_explains_itself() -> None:
    assert all(description(field) for field in Settings.model_fields.values())
