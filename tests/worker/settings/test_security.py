"""Settings of logins and certificates: what must go together, and files that are not what they should be."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.certificates import Authority
from worker.errors import BadUse
from worker.settings.settings import Settings, load, variable

PASSWORD = {"kafka_sasl_username": "me", "kafka_sasl_password": "hush"}
ENDPOINT = {
    "kafka_sasl_oauth_token_url": "https://identity.example/token",
    "kafka_sasl_oauth_client_id": "me",
    "kafka_sasl_oauth_client_secret": "hush",
}


def with_login(protocol: str = "SASL_SSL", mechanism: str | None = None, **others: object) -> Settings:
    return load({"kafka_security_protocol": protocol, "kafka_sasl_mechanism": mechanism, **others})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"protocol": "SASL_SSL"}, "SENTIMENT_KAFKA_SASL_MECHANISM must be set"),
        (
            {"protocol": "SSL", "mechanism": "PLAIN", **PASSWORD},
            "must be set where SENTIMENT_KAFKA_SECURITY_PROTOCOL is SASL",
        ),
        (
            {"mechanism": "SCRAM-SHA-512", "kafka_sasl_username": "me"},
            "SENTIMENT_KAFKA_SASL_PASSWORD must be set with SENTIMENT_KAFKA_SASL_MECHANISM=SCRAM",
        ),
        ({"mechanism": "OAUTHBEARER"}, "OAUTHBEARER needs SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_URL"),
        ({"mechanism": "OAUTHBEARER", **ENDPOINT, "kafka_sasl_oauth_token_file": "token"}, "not both"),
        (
            {"mechanism": "OAUTHBEARER", **ENDPOINT, "kafka_sasl_oauth_token_url": "http://identity.example/"},
            "_TOKEN_URL=",
        ),
        ({"protocol": "PLAINTEXT", "kafka_ssl_ca_file": "ca.pem"}, "must be SSL or SASL_SSL"),
        ({"protocol": "SSL", "kafka_ssl_key_file": "key.pem"}, "SENTIMENT_KAFKA_SSL_CERTIFICATE_FILE must be set"),
        ({"protocol": "PLAINTEXT", "redis_url": "redis://r", "redis_ssl_ca_file": "ca.pem"}, "rediss://"),
        ({"protocol": "PLAINTEXT", "redis_url": "redis://:a@r", "redis_password": "b"}, "not both"),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadUse, match=sentence) as caught:
        with_login(**given)
    named = set(re.findall(r"SENTIMENT_[A-Z_]*[A-Z]\b(?!_)", str(caught.value)))
    assert named
    assert named <= {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("given", [{"mechanism": "OAUTHBEARER", **ENDPOINT}, {"mechanism": "PLAIN", **PASSWORD}])
def test_a_complete_login_is_taken(given: dict[str, str]) -> None:
    assert with_login(**given).connection().security.mechanism == given["mechanism"]


def load_failure(**files: Path | str) -> str:
    """The sentence for these files of ours."""
    given = {f"kafka_ssl_{name}": str(value) for name, value in files.items()}
    with pytest.raises(BadUse) as caught:
        with_login("SSL", **given).connection()
    return str(caught.value)


@pytest.mark.parametrize("name", ["ca_file", "certificate_file"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    sentence = load_failure(**{name: tmp_path / "nothing.pem"})
    assert (
        sentence == f"SENTIMENT_KAFKA_SSL_{name.upper()}: cannot read {tmp_path}/nothing.pem: No such file or directory"
    )


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not one\n")
    assert load_failure(ca_file=tmp_path / "ca.pem").startswith("SENTIMENT_KAFKA_SSL_CA_FILE: ")


def test_the_key_must_be_the_certificates(tmp_path: Path) -> None:
    one, other = Authority(tmp_path).issue("one"), Authority(tmp_path).issue("other")
    assert load_failure(certificate_file=one.certificate_file, key_file=other.key_file).startswith(
        "SENTIMENT_KAFKA_SSL_KEY_FILE: "
    )


@pytest.mark.parametrize("given", [{}, {"key_password": "open-barley"}], ids=["none", "another"])
def test_a_locked_key_needs_its_password(tmp_path: Path, given: dict[str, str]) -> None:
    locked = Authority(tmp_path).issue("locked", key_password="open-sesame")
    sentence = load_failure(certificate_file=locked.certificate_file, key_file=locked.key_file, **given)
    assert "its password is another" in sentence
    assert "barley" not in sentence


def test_a_locked_key_is_never_asked_about_at_a_terminal(tmp_path: Path) -> None:
    locked = Authority(tmp_path).issue("locked", key_password="open-sesame")
    reported = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTIFICATE_FILE": str(locked.both_file)}
    environment = os.environ | {f"SENTIMENT_{name}": value for name, value in reported.items()}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "worker", "send", "a text"]
    done = subprocess.run(
        command, env=environment, stdin=theirs, capture_output=True, text=True, timeout=60, check=False
    )
    os.close(ours), os.close(theirs)
    assert done.returncode == 2
    assert done.stderr.startswith("error: SENTIMENT_KAFKA_SSL_KEY_FILE: ")
