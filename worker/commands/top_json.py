"""What `top --json` writes of one look, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.commands.top_forecast import Drain
from worker.commands.top_group import GroupView, PartitionView, WorkerView
from worker.commands.top_limits import Finding
from worker.commands.top_pace import Pace


def to_json(view: GroupView, at: str) -> dict[str, Any]:
    """One look as an object; `at` is its time. What is not known is null."""
    return {
        "at": at,
        "limit": _limit(view.finding),
        "agree": view.agree,
        "summary": view.versions,
        "lag": view.lag,
        "lag_seconds": view.oldest_seconds,
        "lag_change_per_second": view.change_per_second,
        "drain": _drain(view.drain),
        "records_per_second": view.records_per_second,
        "arriving_per_second": view.arriving_per_second,
        "busy_worker_records_per_second": view.per_worker,
        "records_per_cpu_second": view.per_core,
        "workers_needed": view.needed,
        "headroom_ratio": view.wish.headroom,
        "drain_within_seconds": view.wish.drain_seconds,
        "workers": [
            *({"address": each.address, "reachable": False, "problems": [each.reason]} for each in view.silent),
            *map(_worker, view.workers),
        ],
        "partitions": [_partition(each) for each in view.partitions],
    }


def _worker(worker: WorkerView) -> Mapping[str, Any]:
    """As `status` has it, and more."""
    return worker.state.to_json() | {
        "limit": _limit(worker.finding),
        "lag_change_per_second": worker.change_per_second,
        "drain": _drain(worker.drain),
        **_pace(worker.pace),
    }


def _pace(pace: Pace | None) -> Mapping[str, Any]:
    if pace is None:
        return {"seconds": None, "shares": None, "cores": None, "batches_redone": None, "cache_errors": None}
    return {
        "seconds": pace.seconds,
        "shares": {**pace.shares, "other": pace.other},
        "cores": pace.cores,
        "batches_redone": pace.redone,
        "cache_errors": pace.cache_errors,
    }


def _partition(partition: PartitionView) -> Mapping[str, Any]:
    return {
        "partition": partition.number,
        "worker": partition.worker,
        "lag": partition.lag,
        "lag_seconds": partition.age_seconds,
        "records_per_second": partition.records_per_second,
        "lag_change_per_second": partition.change_per_second,
        "drain": _drain(partition.drain),
    }


def _limit(finding: Finding) -> Mapping[str, str]:
    return {"by": finding.limit, "reason": finding.reason}


def _drain(drain: Drain) -> Mapping[str, Any]:
    return {"course": drain.course, "seconds": drain.seconds}
