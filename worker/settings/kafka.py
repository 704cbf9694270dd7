"""The settings that say where Kafka is, who we are to it and how long we wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from worker.kafka.oauth import AccessTokens, TokenEndpoint
from worker.kafka.types import Connection, Security
from worker.settings.models import ModelSettings
from worker.settings.types import Seconds
from worker.tls import TlsFiles

# Without TLS the client's secret may go to this machine only.
_ENDPOINT = r"^(https://|http://(localhost|127\.0\.0\.1)[:/])"
# An answer must be there before the deadline of the call that waits for it.
_TOKEN_SHARE = 0.8


class KafkaSettings(ModelSettings):
    """The part of `worker.settings.settings.Settings` that is about Kafka."""

    kafka_bootstrap_servers: str = Field(
        "localhost:9092", description="Kafka servers to ask first, host:port, comma-separated"
    )
    kafka_group_id: str = Field("sentiment", min_length=1, description="consumer group of the workers")
    kafka_client: Literal["kafka-python", "librdkafka"] = Field("kafka-python", description="Kafka client library")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to talk to Kafka"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = Field(
        None, description="SASL mechanism"
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user name")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password")
    kafka_sasl_password_file: Path | None = Field(None, description="file that holds the SASL password")
    kafka_sasl_oauth_token_url: str | None = Field(
        None, pattern=_ENDPOINT, description="OAUTHBEARER: token endpoint to ask, https://, with client credentials"
    )
    kafka_sasl_oauth_client_id: str | None = Field(None, description="OAUTHBEARER: client id at the token endpoint")
    kafka_sasl_oauth_client_secret: SecretStr | None = Field(
        None, description="OAUTHBEARER: client secret at the token endpoint"
    )
    kafka_sasl_oauth_client_secret_file: Path | None = Field(None, description="file that holds the client secret")
    kafka_sasl_oauth_scope: str | None = Field(None, description="OAUTHBEARER: scope to ask for")
    kafka_sasl_oauth_ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust at the token endpoint (default: the machine's)"
    )
    kafka_sasl_oauth_token_file: Path | None = Field(
        None, description="OAUTHBEARER: file that somebody else keeps filled with an access token, in place of all this"
    )
    kafka_ssl_ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust (default: the machine's)"
    )
    kafka_ssl_certificate_file: Path | None = Field(None, description="PEM file of our certificate (mutual TLS)")
    kafka_ssl_key_file: Path | None = Field(None, description="PEM file of our private key (mutual TLS)")
    kafka_ssl_key_password: SecretStr | None = Field(None, description="password of the private key")
    kafka_ssl_key_password_file: Path | None = Field(None, description="file that holds the private key's password")
    kafka_session_timeout_seconds: Seconds = Field(
        10.0, description="a worker not heard of for so long loses its partitions"
    )
    kafka_transaction_timeout_seconds: Seconds = Field(
        15.0, description="Kafka aborts a transaction left open for so long"
    )
    kafka_deadline_seconds: Seconds = Field(
        5.0, description="a transaction unanswered for so long is abandoned and done again"
    )

    @model_validator(mode="after")
    def _kafka_must_fit_together(self) -> KafkaSettings:
        if self.kafka_deadline_seconds >= self.kafka_transaction_timeout_seconds:
            raise ValueError(
                "SENTIMENT_KAFKA_DEADLINE_SECONDS must be below SENTIMENT_KAFKA_TRANSACTION_TIMEOUT_SECONDS"
            )
        logs_in, mechanism = self.kafka_security_protocol.startswith("SASL"), self.kafka_sasl_mechanism
        if logs_in != bool(mechanism):
            raise ValueError(
                "SENTIMENT_KAFKA_SASL_MECHANISM must be set where SENTIMENT_KAFKA_SECURITY_PROTOCOL is SASL_SSL or "
                "SASL_PLAINTEXT, and only there"
            )
        if mechanism == "OAUTHBEARER":
            self._require_token_source()
        elif mechanism and not (self.kafka_sasl_username and self.kafka_sasl_password):
            raise ValueError(
                "SENTIMENT_KAFKA_SASL_USERNAME and SENTIMENT_KAFKA_SASL_PASSWORD must be set with "
                f"SENTIMENT_KAFKA_SASL_MECHANISM={mechanism}"
            )
        if self.kafka_ssl_key_file and not self.kafka_ssl_certificate_file:
            raise ValueError("SENTIMENT_KAFKA_SSL_CERTIFICATE_FILE must be set with SENTIMENT_KAFKA_SSL_KEY_FILE")
        if not self.kafka_security_protocol.endswith("SSL") and (
            self.kafka_ssl_ca_file or self.kafka_ssl_certificate_file
        ):
            # Or somebody would believe in TLS where there is none.
            raise ValueError(
                "SENTIMENT_KAFKA_SECURITY_PROTOCOL must be SSL or SASL_SSL with any SENTIMENT_KAFKA_SSL_ setting"
            )
        return self

    def connection(self) -> Connection:
        """How to reach Kafka, as the brokers want it. Raises BadUse where a file is not what it should be."""
        tls = TlsFiles(
            self.kafka_ssl_ca_file,
            self.kafka_ssl_certificate_file,
            self.kafka_ssl_key_file or self.kafka_ssl_certificate_file,
            plain(self.kafka_ssl_key_password),
        )
        if self.kafka_security_protocol.endswith("SSL"):
            tls.context("SENTIMENT_KAFKA_SSL")
        security = Security(
            protocol=self.kafka_security_protocol,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_sasl_username,
            password=plain(self.kafka_sasl_password),
            tls=tls,
            access_tokens=self._access_tokens() if self.kafka_sasl_mechanism == "OAUTHBEARER" else None,
        )
        return Connection(
            self.kafka_bootstrap_servers,
            security,
            session_timeout=self.kafka_session_timeout_seconds,
            transaction_timeout=self.kafka_transaction_timeout_seconds,
            deadline=self.kafka_deadline_seconds,
        )

    def _require_token_source(self) -> None:
        asked = (self.kafka_sasl_oauth_token_url, self.kafka_sasl_oauth_client_id, self.kafka_sasl_oauth_client_secret)
        if self.kafka_sasl_oauth_token_file and any(asked):
            raise ValueError(
                "set SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_FILE or a token endpoint (SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_URL, "
                "..._CLIENT_ID, ..._CLIENT_SECRET), not both"
            )
        if not self.kafka_sasl_oauth_token_file and not all(asked):
            raise ValueError(
                "SENTIMENT_KAFKA_SASL_MECHANISM=OAUTHBEARER needs SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_URL, "
                "SENTIMENT_KAFKA_SASL_OAUTH_CLIENT_ID and SENTIMENT_KAFKA_SASL_OAUTH_CLIENT_SECRET, or "
                "SENTIMENT_KAFKA_SASL_OAUTH_TOKEN_FILE"
            )

    def _access_tokens(self) -> AccessTokens:
        limit = self.kafka_deadline_seconds * _TOKEN_SHARE
        if self.kafka_sasl_oauth_token_file:
            return AccessTokens(self.kafka_sasl_oauth_token_file, limit)
        endpoint = TokenEndpoint(
            url=self.kafka_sasl_oauth_token_url or "",
            client_id=self.kafka_sasl_oauth_client_id or "",
            client_secret=plain(self.kafka_sasl_oauth_client_secret) or "",
            scope=self.kafka_sasl_oauth_scope,
            tls=TlsFiles(self.kafka_sasl_oauth_ca_file).context("SENTIMENT_KAFKA_SASL_OAUTH"),
        )
        return AccessTokens(endpoint, limit)


def plain(secret: SecretStr | None) -> str | None:
    """A secret as it is."""
    return None if secret is None else secret.get_secret_value()
