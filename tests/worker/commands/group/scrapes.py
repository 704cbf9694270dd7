"""Answers of workers, made of figures: what they would have told at a moment."""

from collections.abc import Mapping

from worker.commands.group.scrape import Scrape


def scrape(
    at: float = 0.0,
    records: float = 0.0,
    lags: Mapping[int, int] | None = None,
    stages: Mapping[str, float] | None = None,
    address: str = "worker-1:8000",
    **samples: float,
) -> Scrape:
    """A worker's answer; `stages` are the seconds spent in each since it started, `samples` other metrics."""
    lags = {0: 0} if lags is None else lags
    plain = {"sentiment_records_consumed_total": records, "process_start_time_seconds": 1_000.0, **samples}
    return Scrape(
        address,
        at,
        {
            **{name: [({}, value)] for name, value in plain.items()},
            "sentiment_consumer_lag_records": [({"partition": str(number)}, left) for number, left in lags.items()],
            # All partitions alike.
            "sentiment_partition_records_total": [({"partition": str(number)}, records / len(lags)) for number in lags],
            "sentiment_stage_duration_seconds_sum": [({"stage": name}, each) for name, each in (stages or {}).items()],
            "sentiment_model_info": [({"model": "reviews", "version": "4", "label": "stable", "engine": "onnx"}, 1)],
        },
        (),
        (),
    )
