"""Tests in several processes at once (pytest-xdist): which of them share one, and which have the machine to themselves.

Most tests wait for Kafka, so `make test` runs more processes than there are processors. A fixture that costs seconds is
made once a process; tests that share one are therefore a group, which one process runs. A test marked `alone` has a
bound so short that a busy machine would break it: it begins when no other test runs, and none begins before it ends.
"""

import fcntl
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Fixtures of the whole run that are worth one process of their own.
SHARED = ("secure",)
WIDE_SCOPES = {"class", "module", "package"}
# Tests with this mark wait more than they compute.
WAITING = "kafka"
ALONE = "alone"
LOCKS = (".door", ".room")
GROUPS = ".groups"


class Groups(LoadScopeScheduling):
    """Hands a group of tests to one process. pytest-xdist 3.8 finds no group of its own under pytest 9.2: it writes the
    group into an attribute that pytest no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        return self._groups[nodeid]

    @cached_property
    def _groups(self) -> dict[str, str]:
        run = self.config.pluginmanager.get_plugin("dsession").nodemanager.testrunuid
        found: dict[str, str] = json.loads(lock_of(run).with_suffix(GROUPS).read_text(encoding="utf-8"))
        return found


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups | None:
    """Of the process that leads the others; in the order that these found."""
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False
    return Groups(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long waits beside computing tests, those that run alone last, and tell the leading process the groups."""
    process = process_of(config)
    if process is None:
        return
    groups = [group_of(item) for item in items]
    waiting = [item.get_closest_marker(WAITING) is not None for item in items]
    shared = lock_of(process["testrunuid"])
    told = shared.with_suffix(f".{process['workerid']}")
    by_name = dict(zip((item.nodeid for item in items), groups, strict=True))
    told.write_text(json.dumps(by_name), encoding="utf-8")
    told.replace(shared.with_suffix(GROUPS))
    items[:] = [items[index] for index in order(groups, waiting)]


def group_of(item: pytest.Item) -> str:
    """Tests with the same answer run in one process, one after the other."""
    if item.get_closest_marker(ALONE):
        return ALONE
    if named := item.get_closest_marker("xdist_group"):
        return str(named.args[0])
    for name in SHARED:
        if name in getattr(item, "fixturenames", ()):
            return name
    file = item.nodeid.partition("::")[0]
    return item.nodeid if item.get_closest_marker(WAITING) and not has_wide_fixtures(item) else file


def has_wide_fixtures(item: pytest.Item) -> bool:
    """Whether it shares with others of its file what is made once for them."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return any(found[-1].scope in WIDE_SCOPES for found in definitions.values())


def order(groups: Sequence[str], waiting: Sequence[bool]) -> list[int]:
    """Indices of tests in the order to run them, given the group of each and whether it waits.

    The groups that wait and those that compute are dealt out evenly, the larger ones first, so that neither kind is
    left over at the end.
    """
    sizes = Counter(groups)
    of_those_that_wait = {group for group, waits in zip(groups, waiting, strict=True) if waits}
    position: dict[str, float] = {}
    for kind in (of_those_that_wait, sizes.keys() - of_those_that_wait):
        ordered = sorted(kind, key=lambda group: (-sizes[group], group))
        position |= {group: index / len(ordered) for index, group in enumerate(ordered)}
    return sorted(
        range(len(groups)), key=lambda index: (groups[index] == ALONE, position[groups[index]], groups[index])
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Begin a test marked `alone` when no other process runs one; around pytest-timeout, which must not count this."""
    process = process_of(item.config)
    if process is None:
        return (yield)
    with turn(lock_of(process["testrunuid"]), item.get_closest_marker(ALONE) is not None):
        return (yield)


def process_of(config: pytest.Config) -> Mapping[str, str] | None:
    """What pytest-xdist tells one of its processes; None outside of them, as where a test runs pytest itself."""
    told: Mapping[str, str] | None = getattr(config, "workerinput", None)
    return told


def lock_of(run: str) -> Path:
    """What the processes of one run have in common."""
    return Path(tempfile.gettempdir()) / f"kafka-sentiment-tests-{run}"


@contextmanager
def turn(lock: Path, alone: bool) -> Iterator[None]:
    """Hold a lock, shared or `alone`. Who waits to be alone shuts the door meanwhile, or others would go on."""
    with ExitStack() as stack:
        door, room = (stack.enter_context(lock.with_suffix(suffix).open("w")) for suffix in LOCKS)
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        fcntl.flock(door, kind)
        fcntl.flock(room, kind)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that leads the others ends last and takes away what they had in common."""
    leader = session.config.pluginmanager.get_plugin("dsession")
    if leader is not None:
        for suffix in (*LOCKS, GROUPS):
            lock_of(leader.nodemanager.testrunuid).with_suffix(suffix).unlink(missing_ok=True)
