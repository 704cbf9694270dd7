"""What is thought of what stands in the input topic: how much comes, how much is left, how it is dated and made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from worker.broker import Partition
from worker.commands.doctor.findings import Finding, fails, ok, skipped, warning
from worker.commands.reading import printable, rough_duration
from worker.inspection import GroupFacts, TransactionFacts

# How far back arrivals are counted, the shortest first.
WINDOWS_SECONDS = (60.0, 600.0, 3_600.0, 86_400.0)
# A clock that is ahead by less is no reason to do anything.
CLOCK_SECONDS = 5.0
_RECORDS_FOR_A_RATE = 10

Offsets = Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class InputFacts:
    """Offsets of the input topic by partition: its first, its end, and where each window of time begins.

    `ahead` is where records begin that are dated more than CLOCK_SECONDS after our own clock; the end where none are.
    """

    begins: Offsets
    ends: Offsets
    windows: Mapping[float, Offsets]
    ahead: Offsets

    @property
    def records(self) -> int:
        return _between(self.begins, self.ends)

    def rates(self) -> dict[float, float]:
        """Arrivals a second, by window; without those that hold too few, or no more than a shorter one."""
        found, in_shorter = {}, 0
        for seconds, starts in sorted(self.windows.items()):
            arrived = _between(starts, self.ends)
            if arrived >= _RECORDS_FOR_A_RATE and arrived > in_shorter:
                found[seconds] = arrived / seconds
                in_shorter = arrived
        return found


def judge_arrivals(facts: InputFacts, expected: float | None) -> tuple[float | None, Finding]:
    """The rate to be ready for, in records a second, and what is said about it."""
    rates = facts.rates()
    seen = ", ".join(f"{_rate(rate)}/s in the last {rough_duration(seconds)}" for seconds, rate in rates.items())
    if expected is not None:
        return expected, ok("arrivals", f"{_rate(expected)}/s expected (--rate); seen: {seen or 'too few to tell'}")
    if not rates:
        return None, skipped(
            "arrivals", "too few records in the last day to tell how many come", "say so with --rate N"
        )
    busiest = max(rates.values())
    return busiest, ok("arrivals", f"{seen}; more to come? --rate N")


def judge_positions(facts: InputFacts, positions: Offsets, start: str) -> list[Finding]:
    """About where the group stands; `start` is SENTIMENT_START."""
    lost = {part.number: facts.begins[part] - at for part, at in positions.items() if at < facts.begins.get(part, 0)}
    beyond = sorted(part.number for part, at in positions.items() if part in facts.ends and at > facts.ends[part])
    findings = []
    if lost:
        findings.append(
            warning(
                "positions",
                f"{sum(lost.values()):,} records were deleted before the group read them (partitions {_list(lost)})",
                "let the input topic keep records for longer, or run more workers",
            )
        )
    if beyond:
        findings.append(
            warning(
                "positions",
                f"the group stands where partitions {_list(beyond)} do not reach yet: was the topic made anew?",
                "if it was: with no worker running, kafka-consumer-groups.sh --reset-offsets --to-earliest --execute; "
                "all that the topic holds is then scored again",
            )
        )
    return findings or [ok("positions", _left(facts, positions, start))]


def judge_clock(facts: InputFacts) -> Finding:
    """About the clock, by records that are dated ahead of ours."""
    ahead = sorted(part.number for part, offset in facts.ahead.items() if offset < facts.ends.get(part, 0))
    if not facts.records:
        return skipped("clock", "the input topic holds no record to compare with")
    if ahead:
        return warning(
            "clock",
            f"partitions {_list(ahead)} hold records dated more than {CLOCK_SECONDS:g} s ahead of this machine's clock",
            "set this machine's and the producers' clocks by NTP; until then times from end to end are wrong",
        )
    return ok("clock", f"no record is dated more than {CLOCK_SECONDS:g} s ahead of this machine's clock")


def judge_sample(read: int, problems: Sequence[str], without_key: int) -> Finding:
    """About records that were read: why each of those that hold no valid review does not."""
    if not problems:
        keys = f", {without_key} without a key" if without_key else ""
        return ok("reviews", f"read {read}, all valid{keys}")
    found = f"{len(problems)} of {read} read would be dead-lettered, such as: {printable(problems[0])}"
    advice = "set SENTIMENT_TEXT_FIELD and SENTIMENT_ID_FIELD to where text and id stand"
    return (fails if len(problems) == read else warning)("reviews", found, advice)


def judge_group(group: GroupFacts, group_id: str) -> Finding:
    """About who is in the workers' group already."""
    subject = "group"
    if not group.hosts:
        return ok(subject, f"{group_id} has no members: this is its first worker")
    hosts = ", ".join(sorted(set(group.hosts)))
    return ok(subject, f"{group_id} has {len(group.hosts)} (on {hosts}): one more shares their partitions")


def judge_instance(
    instance_id: str, seen: Sequence[TransactionFacts | None], worker_runs_here: bool = False
) -> Finding:
    """About the process's own name, by looks at its transactional id one after the other."""
    known = [each for each in seen if each is not None]
    if any(each.is_open for each in known) or len({each.epoch for each in known}) > 1:
        if worker_runs_here:
            return ok("instance id", f"a process with the instance id {instance_id} is writing, and a worker runs here")
        return fails(
            "instance id",
            f"a process with the instance id {instance_id} is writing at this moment; a second one fences it",
            "give each worker a SENTIMENT_INSTANCE_ID of its own, or none (host and port)",
        )
    return ok("instance id", f"no process with the instance id {instance_id} is writing at this moment")


def _left(facts: InputFacts, positions: Offsets, start: str) -> str:
    begins = {**(facts.begins if start == "earliest" else facts.ends), **positions}
    left = _between(begins, facts.ends)
    if positions:
        return f"{left:,} records left to read from where the group stands"
    if start == "latest":
        return f"the group is new and begins at the end ({facts.records:,} records before it are left out)"
    return f"the group is new and begins with the oldest of {left:,} records"


def _between(begins: Offsets, ends: Offsets) -> int:
    return sum(max(0, end - begins.get(part, end)) for part, end in ends.items())


def _list(numbers: Iterator[int] | Mapping[int, int] | Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
