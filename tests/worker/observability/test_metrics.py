import pytest
from prometheus_client import generate_latest

from models.scorer import Scorer
from worker.errors import REASONS
from worker.kafka.types import Partition
from worker.observability.metrics import OUTCOMES, STAGES, Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_known_label_values_exist_from_the_start() -> None:
    metrics = Metrics()
    text = generate_latest(metrics.registry).decode()
    for stage in STAGES:
        assert f'sentiment_stage_duration_seconds_count{{stage="{stage}"}} 0.0' in text
    for outcome in OUTCOMES:
        assert f'sentiment_transactions_total{{outcome="{outcome}"}} 0.0' in text
    for reason in REASONS:
        assert f'sentiment_dead_letters_total{{reason="{reason}"}} 0.0' in text


def test_every_class_of_a_model_in_use_has_a_count(metrics: Metrics, scorer: Scorer) -> None:
    metrics.models_in_use({"stable": scorer}, {})
    labels = {"sentiment": "negative", "model": "imdb", "version": "1"}
    assert metrics.registry.get_sample_value("sentiment_sentiments_produced_total", labels) == 0


def test_a_canary_that_never_failed_has_a_count(metrics: Metrics, scorer: Scorer) -> None:
    metrics.models_in_use({"canary": scorer}, {"canary": 0.2})
    labels = {"model": "imdb", "version": "1"}
    assert metrics.registry.get_sample_value("sentiment_canary_failures_total", labels) == 0


def test_a_model_that_is_no_longer_in_use_is_not_shown(metrics: Metrics, scorer: Scorer) -> None:
    metrics.models_in_use({"stable": scorer, "canary": scorer}, {"canary": 0.2})
    metrics.models_in_use({"stable": scorer}, {})
    [family] = metrics.model_info.collect()
    assert [sample.labels["label"] for sample in family.samples] == ["stable"]


def test_a_trial_shows_its_share_while_it_lasts(metrics: Metrics, scorer: Scorer) -> None:
    labels = {"model": "imdb", "version": "1", "label": "canary"}
    for share in (0.2, 0.5):
        metrics.models_in_use({"stable": scorer, "canary": scorer}, {"canary": share})
        assert metrics.registry.get_sample_value("sentiment_trial_share_ratio", labels) == share
    metrics.models_in_use({"stable": scorer}, {})
    assert metrics.registry.get_sample_value("sentiment_trial_share_ratio", labels) is None


def test_lag_in_seconds_is_0_without_lag() -> None:
    metrics = Metrics()
    behind, current = Partition("reviews", 0), Partition("reviews", 1)
    metrics.lags({behind: 4, current: 0}, {behind: 9.5, current: 100.0})
    value = metrics.registry.get_sample_value
    assert value("sentiment_consumer_lag_seconds", {"partition": "0"}) == 9.5
    assert value("sentiment_consumer_lag_seconds", {"partition": "1"}) == 0


def test_processor_time_and_memory_of_the_process_are_told() -> None:
    value = Metrics().registry.get_sample_value
    before = value("process_cpu_seconds_total")
    assert before
    burnt = sum(number * number for number in range(1_000_000))
    assert burnt
    assert value("process_cpu_seconds_total") > before
    assert value("process_resident_memory_bytes") > 10_000_000


def test_names_follow_the_conventions_of_prometheus() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith(("sentiment_", "process_"))
        assert family.documentation.endswith(".")
