from dataclasses import replace

import pytest

from worker.commands.top.bottleneck import Finding, Limit, Member, limit_of_group, limit_of_worker
from worker.commands.top.rates import Rates


def rates(records: float = 1_000.0, cores: float | None = None, redone: int = 0, **shares: float) -> Rates:
    return Rates(2.0, records, shares, cores, redone=redone)


def member(lags: dict[int, int], records: float = 1_000.0, **shares: float) -> Member:
    found = rates(records, **shares)
    return Member(lags, found, limit_of_worker(found, sum(lags.values()), len(lags)))


def idle(*partitions: int) -> Member:
    return member(dict.fromkeys(partitions, 0), idle=0.9, infer=0.1)


def full(lags: dict[int, int], **shares: float) -> Member:
    return member(lags, **(shares or {"infer": 0.9, "commit": 0.1}))


BEHIND = 50_000


@pytest.mark.parametrize(
    ("limit", "lag", "found"),
    [
        ("input", 0, rates(idle=0.9, infer=0.1)),
        ("input", 0, rates(idle=0.15, commit=0.8)),
        ("input", 1_000, rates(idle=0.5, infer=0.5)),
        ("CPU", BEHIND, rates(infer=0.6, tokenize=0.2, commit=0.2)),
        ("CPU", 0, rates(infer=0.95, idle=0.05)),
        ("CPU", BEHIND, rates(poll=0.2, produce=0.5, infer=0.3, cores=0.98)),
        ("Kafka", BEHIND, rates(poll=0.2, produce=0.2, commit=0.3, infer=0.3)),
        ("Kafka", BEHIND, rates(commit=0.7, infer=0.3, cores=0.4)),
        ("Kafka", BEHIND, rates(idle=0.8, infer=0.2)),
        ("Redis", BEHIND, rates(cache=0.5, infer=0.3, commit=0.2)),
        ("Kafka", 0, replace(rates(idle=1.0), kafka_answers=False)),
        ("unclear", BEHIND, rates(infer=0.1)),
        ("Kafka", BEHIND, rates(infer=0.1, redone=2)),
    ],
)
def test_a_worker_is_limited_by_what_takes_its_time(limit: Limit, lag: int, found: Rates) -> None:
    assert limit_of_worker(found, lag, partitions=2).limit == limit


def test_the_reason_has_the_figures() -> None:
    assert limit_of_worker(rates(infer=0.6, tokenize=0.2, commit=0.2), BEHIND, 1).reason == (
        "decoding, scoring and encoding take 80% of the time"
    )


def test_a_worker_that_must_share_its_core_is_told() -> None:
    reason = limit_of_worker(rates(infer=0.9, commit=0.1, cores=0.4), BEHIND, 1).reason
    assert reason.endswith("yet it gets only 0.40 of a core: others or a limit take the rest")


def test_a_worker_without_partitions_has_nothing_to_do() -> None:
    assert limit_of_worker(rates(idle=1.0), 0, partitions=0) == Finding("partitions", "has no partition to read")


def test_one_answer_tells_nothing() -> None:
    assert limit_of_worker(None, BEHIND, partitions=1).limit == "unclear"
    assert limit_of_group([Member({0: BEHIND}, None, limit_of_worker(None, BEHIND, 1))]).limit == "unclear"
    assert limit_of_group([Member({0: 0}, None, limit_of_worker(None, 0, 1))]).limit == "unclear"


def test_a_group_of_nobody_or_without_partitions_is_unclear() -> None:
    assert limit_of_group([]) == Finding("unclear", "no worker answers")
    assert limit_of_group([idle()]) == Finding("unclear", "no worker has a partition yet")


def test_a_group_that_keeps_up_is_limited_by_its_input() -> None:
    assert limit_of_group([idle(0, 1), idle(2)]) == Finding("input", "all keep up and wait for records 90% of the time")


def test_who_has_no_time_to_spare_is_told_while_all_keep_up() -> None:
    found = limit_of_group([idle(0), member({1: 0}, infer=0.95)])
    assert found == Finding("input", "all keep up, but 1 of 2 workers has no time to spare (CPU)")


def test_a_group_that_only_just_keeps_up_is_at_its_limit() -> None:
    tight = [member({number: 0}, infer=0.95) for number in range(2)]
    assert limit_of_group(tight) == Finding("CPU", "all keep up, but none has time to spare")


def test_a_group_that_is_behind_is_limited_by_what_limits_most_of_what_is_left() -> None:
    slow = member({0: BEHIND, 1: BEHIND}, cache=0.9, infer=0.1)
    found = limit_of_group([slow, full({2: 20_000, 3: 0}), full({4: 20_000, 5: 0})])
    assert found == Finding("Redis", "writing to the cache takes 90% of the time (1 of 3 workers that do not keep up)")


def test_a_worker_without_partitions_cannot_help_the_others() -> None:
    found = limit_of_group([full({0: BEHIND}), full({1: BEHIND}), idle()])
    assert found.limit == "partitions"
    assert found.reason == "2 of 3 workers have more to do than time, while 1 of 3 workers has time to spare"


def test_a_hot_partition_is_named() -> None:
    found = limit_of_group([full({0: 100, 7: BEHIND}), idle(1, 2), idle(3, 4)])
    assert (found.limit, found.reason.startswith("partition 7 has 100% of all that is left")) == ("partitions", True)


def test_what_a_worker_waits_for_while_others_idle_is_no_matter_of_partitions() -> None:
    assert limit_of_group([full({0: BEHIND, 1: 0}, idle=0.3, infer=0.7), idle(2)]).limit == "partitions"
    assert limit_of_group([full({0: BEHIND, 1: 0}, idle=0.6, infer=0.4), idle(2)]).limit == "Kafka"


def test_more_workers_than_partitions_would_have_nothing_to_do() -> None:
    assert limit_of_group([full({0: BEHIND}), full({1: BEHIND})]) == Finding(
        "partitions", "2 partitions, each with a worker that fills its core: more workers need more partitions"
    )
    assert limit_of_group([full({0: BEHIND, 1: BEHIND}), full({2: BEHIND, 3: BEHIND})]).limit == "CPU"


def test_more_partitions_do_not_help_a_redis_that_is_slow() -> None:
    assert limit_of_group([full({0: BEHIND}, cache=1.0), full({1: BEHIND}, cache=1.0)]).limit == "Redis"


def test_a_worker_that_stands_still_does_not_keep_up_whatever_lag_it_knew() -> None:
    assert limit_of_group([member({0: 0}, records=0.0, idle=0.2), idle(1)]) == Finding(
        "unclear", "no step came to an end for 80% of the time: its log says what it waits for"
    )


def test_a_worker_that_hangs_is_no_matter_of_partitions() -> None:
    assert limit_of_group([member({0: BEHIND}, records=0.0), idle(1)]).limit == "unclear"
    assert limit_of_group([member({0: BEHIND}, records=0.0, idle=1.0), idle(1)]).limit == "Kafka"


def test_workers_that_stand_still_with_nothing_left_are_no_matter_of_partitions() -> None:
    away = replace(rates(poll=1.0), kafka_answers=False)
    assert limit_of_group([Member({0: 0}, away, limit_of_worker(away, 0, 1)), idle(1)]).limit == "Kafka"
