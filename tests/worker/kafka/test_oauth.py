"""Access tokens: asked for in time, kept while good, and what is said when there is none."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.certificates import Authority
from tests.kafka import token_endpoint
from tests.kafka.token_endpoint import Signer
from tests.worker.clock import Clock
from worker.errors import AccessDenied, KafkaAway
from worker.kafka.oauth import AccessTokens, TokenEndpoint
from worker.tls import TlsFiles

SECRET = "open sesame: 100 %"  # one that must be encoded


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Iterator[token_endpoint.TokenEndpoint]:
    certificate = authority.issue("endpoint", "127.0.0.1")
    with token_endpoint.TokenEndpoint(Signer(tmp_path), {"me": SECRET}, certificate) as server:
        yield server


@pytest.fixture
def tokens(server: token_endpoint.TokenEndpoint, authority: Authority, clock: Clock) -> AccessTokens:
    context = TlsFiles(authority.file).context("kafka_sasl_oauth")
    return AccessTokens(TokenEndpoint(server.url, "me", SECRET, "reviews", context), 5.0, clock)


def test_a_token_is_asked_for_with_the_credentials_and_the_scope(
    server: token_endpoint.TokenEndpoint, tokens: AccessTokens
) -> None:
    assert tokens.token() == server.given[0]
    assert server.requests == [{"grant_type": ["client_credentials"], "scope": ["reviews"]}]


def test_a_token_serves_until_seven_tenths_of_its_life(
    server: token_endpoint.TokenEndpoint, tokens: AccessTokens, clock: Clock
) -> None:
    first = tokens.with_end()
    clock.now = 209.0
    assert tokens.with_end() == first == (server.given[0], 300.0)
    clock.now = 211.0
    assert tokens.with_end() == (server.given[1], 511.0)


def test_while_it_is_good_an_endpoint_may_be_away(
    server: token_endpoint.TokenEndpoint, tokens: AccessTokens, clock: Clock
) -> None:
    first, server.status, clock.now = tokens.token(), 503, 241.0
    with capture_logs() as logs:
        assert tokens.token() == first
        clock.now = 299.0
        assert tokens.token() == first
    assert len(logs) == 1  # said once
    clock.now = 300.0
    with pytest.raises(KafkaAway, match="answers 503"):
        tokens.token()


def test_an_endpoint_that_is_not_there_is_away(tokens: AccessTokens, server: token_endpoint.TokenEndpoint) -> None:
    away = AccessTokens(TokenEndpoint("http://127.0.0.1:1/token", "me", SECRET), 1.0)
    with pytest.raises(KafkaAway, match=r"http://127.0.0.1:1/token does not answer"):
        away.token()


def test_a_wrong_secret_is_said_without_showing_it(server: token_endpoint.TokenEndpoint, tokens: AccessTokens) -> None:
    server.clients["me"] = "another"
    with pytest.raises(AccessDenied, match="SENTIMENT_KAFKA_SASL_OAUTH_") as caught:
        tokens.token()
    assert "sesame" not in str(caught.value)


def test_an_endpoint_of_an_unknown_authority_gets_no_secret(server: token_endpoint.TokenEndpoint) -> None:
    context = TlsFiles().context("kafka_sasl_oauth")
    with pytest.raises(AccessDenied, match="SENTIMENT_KAFKA_SASL_OAUTH_CA_FILE"):
        AccessTokens(TokenEndpoint(server.url, "me", SECRET, tls=context), 5.0).token()
    assert server.requests == []


@pytest.mark.parametrize(("content", "sentence"), [(None, "cannot read"), ("", "is empty"), ("\n", "is empty")])
def test_a_token_file_without_a_token_is_named(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(AccessDenied, match=f"SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_FILE: .*{sentence}"):
        AccessTokens(tmp_path / "token", 5.0).token()


def test_a_token_file_is_read_again_before_its_token_ends(tmp_path: Path, clock: Clock) -> None:
    path, signer = tmp_path / "token", Signer(tmp_path)
    path.write_text(signer.token("me", iat=0, exp=100))
    tokens = AccessTokens(path, 5.0, clock)
    first = tokens.with_end()
    path.write_text(signer.token("me", iat=0, exp=200))
    assert tokens.with_end() == first
    clock.now = 81.0
    assert tokens.with_end() == (path.read_text(), 200.0)


def test_an_expired_token_in_a_file_is_refused(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "token").write_text(Signer(tmp_path).token("me", exp=100))
    clock.now = 100.0
    with pytest.raises(AccessDenied, match="has expired"):
        AccessTokens(tmp_path / "token", 5.0, clock).token()


@pytest.mark.parametrize("token", ["opaque", "a.b.c", f"x.{json.dumps({})}.y"])
def test_a_token_that_cannot_be_read_is_renewed_every_few_minutes(tmp_path: Path, clock: Clock, token: str) -> None:
    (tmp_path / "token").write_text(token)
    assert AccessTokens(tmp_path / "token", 5.0, clock).with_end() == (token, 300.0)
