from prometheus_client import generate_latest

from worker.broker import Partition
from worker.metrics import OUTCOMES, STAGES, Metrics


def test_known_label_values_exist_from_the_start() -> None:
    metrics = Metrics()
    text = generate_latest(metrics.registry).decode()
    for stage in STAGES:
        assert f'sentiment_stage_duration_seconds_count{{stage="{stage}"}} 0.0' in text
    for outcome in OUTCOMES:
        assert f'sentiment_transactions_total{{outcome="{outcome}"}} 0.0' in text


def test_every_class_of_the_model_in_use_has_a_count() -> None:
    metrics = Metrics()
    metrics.model_in_use("imdb", 3, "stable", "onnxruntime", ("negative", "positive"))
    labels = {"sentiment": "negative", "model": "imdb", "version": "3"}
    assert metrics.registry.get_sample_value("sentiment_sentiments_produced_total", labels) == 0


def test_lag_in_seconds_is_0_without_lag() -> None:
    metrics = Metrics()
    behind, current = Partition("reviews", 0), Partition("reviews", 1)
    metrics.lags({behind: 4, current: 0}, {behind: 9.5, current: 100.0})
    value = metrics.registry.get_sample_value
    assert value("sentiment_consumer_lag_seconds", {"partition": "0"}) == 9.5
    assert value("sentiment_consumer_lag_seconds", {"partition": "1"}) == 0


def test_names_follow_the_conventions_of_prometheus() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith("sentiment_")
        assert family.documentation.endswith(".")
