"""What the answers of a group's workers mean: who runs which version, how far behind, and whether all agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from models.registry.labels import CANARY, DEFAULT_SHARES, SHADOW
from worker.commands.group.scrape import Answer, Scrape, Unreachable

# What a worker outlasts, and tells in a gauge that is 0 meanwhile.
_OUTAGES = {
    "sentiment_kafka_up": "Kafka does not answer",
    "sentiment_model_store_up": "the labels in the model store cannot be followed",
}
NO_LONGER = ""  # the label of a version that made sentiments and is not in use any more


@dataclass(frozen=True, slots=True)
class VersionState:
    """A version of a model in one worker. `sentiments` are counts by class; `since` is in seconds of the epoch.

    `share` is the part of the records (of the keys, for a canary) that a version on trial takes.
    """

    model: str
    version: int
    label: str
    engine: str
    since: float | None  # known of the main version only
    sentiments: Mapping[str, int]
    share: float | None = None  # not known of workers of an older release

    @property
    def name(self) -> str:
        return f"{self.model} {self.version}"

    @property
    def is_main(self) -> bool:
        """Whether it makes what this worker writes, but for a share that a canary has."""
        return self.label not in (NO_LONGER, *DEFAULT_SHARES)


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that a label names and that this worker cannot use."""

    model: str
    version: int
    label: str

    @property
    def name(self) -> str:
        return f"{self.model} {self.version}"

    @property
    def is_to_serve(self) -> bool:
        """Whether results are to be its own, in place of another version's; nobody sees those of a shadow."""
        return self.label != SHADOW


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker, as its metrics and probes show it. `lags` are records left to read, by partition.

    `outages` are what it waits for or does without, be it ready all the same.
    """

    address: str
    ready: bool
    alive: bool
    problems: tuple[str, ...]
    versions: tuple[VersionState, ...]
    refused: tuple[Refused, ...]
    lags: Mapping[int, int]
    records_per_second: float | None
    outages: tuple[str, ...] = ()
    build: str | None = None  # the program's version; not known of workers of an older release

    @property
    def main(self) -> str | None:
        """The name of the version that it serves with; None while it has none."""
        return next((each.name for each in self.versions if each.is_main), None)

    @property
    def canary(self) -> str:
        """The canary in service and its share, in words; empty without one."""
        found = next((each for each in self.versions if each.label == CANARY), None)
        if found is None:
            return ""
        share = "" if found.share is None else f" on {found.share * 100:.3g}% of the keys"
        return f"canary {found.version}{share}"

    def serves(self, version: int | None = None) -> bool:
        """Whether it serves with the version; with any, if none is named."""
        return any(each.is_main and version in (None, each.version) for each in self.versions)

    def follows(self, version: int | None = None) -> bool:
        """Whether it serves with the version, and refuses none whose results there should be."""
        return self.serves(version) and not any(each.is_to_serve for each in self.refused)

    def to_json(self) -> dict[str, Any]:
        values = asdict(self) | {"reachable": True, "lag": sum(self.lags.values())}
        for version in values["versions"]:
            since = version["since"]
            version["since"] = since and datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
        return values


State = WorkerState | Unreachable


def state_of(answer: Answer, before: Answer | None = None) -> State:
    """What an answer says; records a second only with an earlier answer of the same worker."""
    if isinstance(answer, Unreachable):
        return answer
    try:
        versions = _versions(answer)
        return WorkerState(
            address=answer.address,
            ready=not answer.not_ready,
            alive=not answer.not_alive,
            problems=(*answer.not_alive, *answer.not_ready),
            versions=versions,
            refused=tuple(
                Refused(labels["model"], int(labels["version"]), labels["label"])
                for labels, value in answer.of("sentiment_model_refused")
                if value == 1
            ),
            lags={int(each["partition"]): int(left) for each, left in answer.of("sentiment_consumer_lag_records")},
            records_per_second=_rate(before, answer) if isinstance(before, Scrape) else None,
            # Before there is a model nothing has looked at the store's labels yet.
            outages=tuple(what for name, what in _OUTAGES.items() if versions and answer.value(name) == 0),
            build=next((labels["version"] for labels, _ in answer.of("sentiment_build_info")), None),
        )
    except (KeyError, ValueError):
        return Unreachable(answer.address, "its metrics are those of another release")


def agreement(states: Sequence[State], version: int | None = None) -> tuple[bool, str]:
    """Whether all workers agree, and a sentence that says so or what differs.

    They do when all can be reached and serve with one version (the asked one, if one is) and one canary or none, none
    refuses a version whose results there should be, and for all of them Kafka and the model store are there.
    """
    workers = [each for each in states if isinstance(each, WorkerState)]
    silent = len(states) - len(workers)
    serving = Counter(each.main for each in workers)
    canaries = Counter(each.canary for each in workers)
    reported = [_served(serving, canaries)]
    if silent and workers:
        reported.append(f"{silent} more cannot be reached")
    if version is not None and workers and not any(each.serves(version) for each in workers):
        reported.append(f"none serves with version {version}")
    refused = Counter(f"{each.name} ({each.label})" for worker in workers for each in set(worker.refused))
    reported += [f"{name} is refused by {_workers(count)}" for name, count in sorted(refused.items())]
    outages = Counter(outage for each in workers for outage in each.outages)
    reported += [f"{outage} ({_workers(count)})" for outage, count in sorted(outages.items())]
    alike = len(serving) == len(canaries) == 1
    agree = not silent and alike and not outages and all(each.follows(version) for each in workers)
    return agree, "; ".join(reported)


def _served(serving: Counter[str | None], canaries: Counter[str]) -> str:
    total = serving.total()
    if not total:
        return "no worker can be reached"
    if len(serving) == 1:
        [version] = serving
        everywhere = f"all on {version}" if total > 1 else f"on {version}"
        reported = f"{_workers(total)}, {everywhere if version else 'without a model'}"
    else:
        parts = (f"{version or 'no model'} on {_workers(count)}" for version, count in serving.most_common())
        reported = f"mixed versions: {', '.join(parts)}"
    if len(canaries) == 1:
        return ", ".join(filter(None, [reported, *canaries]))
    parts = (f"{canary or 'no canary'} on {_workers(count)}" for canary, count in canaries.most_common())
    return f"{reported}; mixed canaries: {', '.join(parts)}"


def _workers(count: int) -> str:
    return f"{count} worker{'' if count == 1 else 's'}"


def _versions(answer: Scrape) -> tuple[VersionState, ...]:
    """Those in use, the main one first, and those that made sentiments before."""
    sentiments: dict[tuple[str, int], dict[str, int]] = {}
    for labels, count in answer.of("sentiment_sentiments_produced_total"):
        by_class = sentiments.setdefault((labels["model"], int(labels["version"])), {})
        by_class[labels["sentiment"]] = int(count)
    since = answer.value("sentiment_model_loaded_timestamp_seconds") or None
    shares = {
        (each["model"], int(each["version"]), each["label"]): share
        for each, share in answer.of("sentiment_trial_share_ratio")
    }
    found = []
    for labels, value in answer.of("sentiment_model_info"):
        if value == 1:
            key, label = (labels["model"], int(labels["version"])), labels["label"]
            known_since = None if label in DEFAULT_SHARES else since
            share = shares.get((*key, label))
            found.append(VersionState(*key, label, labels["engine"], known_since, sentiments.get(key, {}), share))
    in_use = {(each.model, each.version) for each in found}
    for key, counts in sentiments.items():
        if key not in in_use and any(counts.values()):
            found.append(VersionState(*key, NO_LONGER, "", None, counts))
    return tuple(sorted(found, key=lambda each: (not each.is_main, each.label == NO_LONGER, each.label, each.name)))


def same_process(before: Scrape, after: Scrape) -> bool:
    """Whether both are answers of one process, so that counters may be subtracted: it did not start anew in between.

    By when it started, as far as the system tells that, and by counters, which only grow.
    """
    started = [each.value("process_start_time_seconds") for each in (before, after)]
    first, last = (each.value("sentiment_records_consumed_total") for each in (before, after))
    return started[0] == started[1] and first is not None and last is not None and first <= last


def _rate(before: Scrape, after: Scrape) -> float | None:
    """Records a second between two answers; None where the worker started anew in between."""
    if not same_process(before, after) or after.at <= before.at:
        return None
    first, last = (each.value("sentiment_records_consumed_total") or 0.0 for each in (before, after))
    return (last - first) / (after.at - before.at)
