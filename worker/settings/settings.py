"""Every setting of the worker: the field's description is its help text and its row in worker/docs/settings.md."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsConfigDict

from worker.errors import BadUse
from worker.settings.kafka import KafkaSettings, plain
from worker.settings.types import PACKAGED_STORE, Seconds, Share, TopicName
from worker.tls import RedisLogin, TlsFiles

PREFIX = "SENTIMENT_"
Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$")]


class Settings(KafkaSettings):
    """Read from flags first, then from the environment, then from the defaults here."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    input_topic: TopicName = Field("reviews", description="topic of reviews to read")
    output_topic: TopicName = Field("sentiments", description="topic of sentiments to write")
    dead_letter_topic: TopicName = Field(
        "reviews.dead-letter", description="topic of records that hold no valid review"
    )
    id_field: Pointer = Field("/id", description="JSON pointer to the review's id in the input")
    text_field: Pointer = Field("/text", description="JSON pointer to the review's text in the input")
    max_record_bytes: int = Field(
        2_097_152, gt=0, description="a record with a larger value is dead-lettered unread (too_large)"
    )
    max_dead_letter_ratio: Share = Field(
        0.5, description="stop when more than this share of the last 1,000 records were dead letters"
    )

    delivery: Literal["exactly_once", "at_least_once"] = Field("exactly_once", description="delivery guarantee")
    instance_id: str | None = Field(
        None,
        min_length=1,
        description="name of this process, unique among live ones, for its transactional id (default: host and port)",
    )
    start: Literal["earliest", "latest"] = Field(
        "earliest", description="where the group starts on a partition without a committed offset"
    )
    max_batch_records: int = Field(512, gt=0, le=10_000, description="most records in one batch (one transaction)")
    max_batch_wait_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        0.0, description="how long a batch that is not full may wait for more records (0: take what is there)"
    )

    redis_url: SecretStr | None = Field(
        None, description="redis://, rediss:// or unix:// address of the cache (empty: no cache)"
    )
    redis_url_file: Path | None = Field(None, description="file that holds the address of the cache")
    redis_username: str | None = Field(None, description="Redis user name, where the address has none")
    redis_password: SecretStr | None = Field(None, description="Redis password, where the address has none")
    redis_password_file: Path | None = Field(None, description="file that holds the Redis password")
    redis_ssl_ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust with rediss:// (default: the machine's)"
    )
    redis_ssl_certificate_file: Path | None = Field(
        None, description="PEM file of our certificate for Redis (mutual TLS)"
    )
    redis_ssl_key_file: Path | None = Field(None, description="PEM file of our private key for Redis (mutual TLS)")
    redis_expiry_seconds: int = Field(86_400, gt=0, description="how long a sentiment stays in the cache")
    redis_timeout_seconds: Seconds = Field(
        0.5, description="how long a batch waits for the cache before it goes on without"
    )

    http_host: str = Field("0.0.0.0", description="address on which metrics and health listen")
    http_port: int = Field(8000, ge=0, le=65_535, description="port of /metrics, /livez and /readyz (0: any free one)")
    tracing: Literal["off", "otlp"] = Field(
        "off", description="where spans of batches go; with otlp the OTEL_ variables of OpenTelemetry say the rest"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="form of the log lines; auto is text on a terminal and JSON elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe level to log")

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: Any) -> Any:
        return values if not isinstance(values, dict) else _with_secret_files(values)

    @model_validator(mode="after")
    def _must_fit_together(self) -> Settings:
        if len({self.input_topic, self.output_topic, self.dead_letter_topic}) < 3:
            raise ValueError(
                "SENTIMENT_INPUT_TOPIC, SENTIMENT_OUTPUT_TOPIC and SENTIMENT_DEAD_LETTER_TOPIC must be "
                "three different topics"
            )
        url = plain(self.redis_url) or ""
        if (self.redis_ssl_ca_file or self.redis_ssl_certificate_file) and not url.startswith("rediss://"):
            # Or somebody would believe in TLS where there is none.
            raise ValueError("SENTIMENT_REDIS_URL must begin with rediss:// with any SENTIMENT_REDIS_SSL_ setting")
        if "@" in url and (self.redis_username or self.redis_password):
            raise ValueError(
                "set the user in SENTIMENT_REDIS_URL or in SENTIMENT_REDIS_USERNAME and SENTIMENT_REDIS_PASSWORD, "
                "not both"
            )
        return self

    def redis_login(self) -> RedisLogin:
        """How to identify ourselves to Redis. Raises BadUse where a file is not what it should be."""
        tls = TlsFiles(
            self.redis_ssl_ca_file,
            self.redis_ssl_certificate_file,
            self.redis_ssl_key_file or self.redis_ssl_certificate_file,
        )
        tls.context("SENTIMENT_REDIS_SSL")
        return RedisLogin(self.redis_username, plain(self.redis_password), tls)

    def masked(self) -> dict[str, Any]:
        """All settings for a log line; secrets show as asterisks."""
        return self.model_dump(mode="json")


def load(flags: Mapping[str, Any]) -> Settings:
    """The settings from given flags (field name to value) and the environment. Raises BadUse with a sentence."""
    known = {variable(name) for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise BadUse(
            f"unknown setting in the environment: {', '.join(unknown)} (python -m worker run --help lists all)"
        )
    try:
        return Settings(**flags)
    except ValidationError as error:
        raise BadUse("; ".join(_sentences(error))) from None


def add_flags(parser: argparse.ArgumentParser, listed: bool = True) -> None:
    """One flag for each setting, absent unless given. Secrets have none: a command line is visible to all.

    Where they are not `listed`, the help says where they are.
    """
    elsewhere = None if listed else "the flags that `python -m worker run --help` lists are taken here too"
    group = parser.add_argument_group("settings (each also as an environment variable, SENTIMENT_...)", elsewhere)
    for name, field in Settings.model_fields.items():
        if not is_secret(field):
            help_text = f"{description(field)} (default: {default_text(field)})".replace("%", "%%")
            help_text = help_text if listed else argparse.SUPPRESS
            group.add_argument(
                "--" + name.replace("_", "-"), dest=name, default=argparse.SUPPRESS, metavar="VALUE", help=help_text
            )


def given_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings among parsed arguments."""
    return {name: value for name, value in vars(arguments).items() if name in Settings.model_fields}


def variable(name: str) -> str:
    """The setting's variable in the environment, by which people know it wherever it was given."""
    return PREFIX + name.upper()


def is_secret(field: FieldInfo) -> bool:
    """Whether the setting's value must never be shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def default_text(field: FieldInfo) -> str:
    """The default as people read it."""
    if field.default == PACKAGED_STORE:
        return "models/store"
    return "none" if field.default is None else str(field.default)


def description(field: FieldInfo) -> str:
    """What the setting is for and, where only certain values are allowed, which."""
    for annotation in (field.annotation, *get_args(field.annotation)):
        if get_origin(annotation) is Literal:
            return f"{field.description}: {', '.join(get_args(annotation))}"
    return field.description or ""


def _with_secret_files(values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for name in Settings.model_fields:
        secret = name.removesuffix("_file")
        if secret != name and secret in Settings.model_fields and values.get(name):
            if values.get(secret):
                raise ValueError(f"set {variable(secret)} or {variable(name)}, not both")
            try:
                merged[secret] = Path(values[name]).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(
                    f"{variable(name)}: cannot read {values[name]}: {getattr(error, 'strerror', None) or error}"
                ) from None
    return merged


def _sentences(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:  # about several settings, which it names itself
            yield message
            continue
        name = str(problem["loc"][0])
        field, given = Settings.model_fields.get(name), repr(problem["input"])
        # An address with an @ may hold a password, whatever the setting is for.
        shown = "" if field is None or is_secret(field) or "@" in given else f"={given}"
        yield f"{variable(name)}{shown}: {message}"
