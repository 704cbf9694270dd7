"""Real Kafka and Redis for the tests, started here and never taken from the environment."""

import logging
import os
from collections.abc import Iterator

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.redis import LocalRedis
from tests.kafka.secure_kafka import SecureKafka, secure_kafka

pytest_plugins = ["tests.s3_fixtures", "tests.side_by_side", "tests.slow"]
# Where `--no-skips` says that all that tests need is here, this alone cannot be: it would have to be downloaded.
MAY_SKIP = "NLTK's stop word corpus is not installed here"
BROKERS = ("kafka", "fragile_kafka", "patient_kafka", "locked_kafka", "cluster", "secure")


@pytest.fixture(scope="session", autouse=True)
def _own_settings_only() -> Iterator[None]:
    """No setting of the person who runs the tests reaches them, so that none ever touches a Kafka in use."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [*os.environ]:
            if name.startswith("SENTIMENT_") or name == "LOCAL_KAFKA":
                environment.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a command sets up for its log lines ends with the test, or later ones write to a stream that is closed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    """One broker for the whole run: use topics, groups and transactional ids of your own, and leave it running."""
    with LocalKafka() as kafka:
        yield kafka


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalKafka]:
    """Three brokers for one module; a test that ends one starts it again and waits until all are in sync."""
    with LocalKafka(brokers=3) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """One broker with TLS, logins and permissions for the whole run: use users, topics and groups of your own."""
    with secure_kafka(tmp_path_factory.mktemp("secure")) as secure:
        yield secure


@pytest.fixture(scope="session")
def redis() -> Iterator[LocalRedis]:
    """One Redis for the whole run: use ids of your own, and leave it running."""
    with LocalRedis() as redis:
        yield redis


def pytest_addoption(parser: pytest.Parser) -> None:
    """What CI asks for, which installs all that tests need."""
    parser.addoption("--no-skips", action="store_true", help="count a test that is skipped as failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what the brokers logged last beside the failure of a test that used them."""
    report = yield
    if report.skipped and item.config.getoption("--no-skips") and MAY_SKIP not in str(report.longrepr):
        report.outcome, report.longrepr = "failed", f"skipped, though nothing may be: {report.longrepr}"
    if report.failed:
        for name in BROKERS:
            brokers = item.funcargs.get(name)
            brokers = brokers.kafka if isinstance(brokers, SecureKafka) else brokers
            if isinstance(brokers, LocalKafka):
                report.sections.append((f"log of {name}", brokers.log_tails()))
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test that uses a broker, so that `-m 'not kafka'` runs the quick ones."""
    if not set(BROKERS).isdisjoint(getattr(item, "fixturenames", ())):
        item.add_marker("kafka")
