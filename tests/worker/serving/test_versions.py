import gc
import itertools
import sys
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.versions import NAME, add_version
from worker.observability.metrics import Metrics
from worker.serving import memory
from worker.serving.versions import CpuYields, Versions, throttled


@pytest.mark.parametrize(("worked", "rested"), [(0.01, 0.04), (2.0, 0.5)])
def test_rests_are_four_times_as_long_as_work_up_to_half_a_second(worked: float, rested: float) -> None:
    now, pauses = itertools.count(0, worked), []
    CpuYields(lambda: next(now), pauses.append)()
    assert pauses == [pytest.approx(rested)]


def test_the_stream_gets_its_turn_soon_until_the_last_of_those_beside_it_is_done() -> None:
    usual, loading, comparing = sys.getswitchinterval(), ExitStack(), ExitStack()
    comparing.enter_context(throttled)
    loading.enter_context(throttled)
    short = sys.getswitchinterval()
    comparing.close()
    assert sys.getswitchinterval() == short < usual / 5
    loading.close()
    assert sys.getswitchinterval() == usual


@pytest.fixture
def overlooking() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("overlooking")
def test_a_released_version_is_freed_although_nobody_looks_for_it(tmp_path: Path) -> None:
    add_version(tmp_path)
    versions = Versions(NAME, lambda version, yield_cpu: Scorer.load(Registry(tmp_path).resolve(NAME).path), Metrics())
    scorer = versions.obtain("stable", 1)
    assert scorer is not None
    parts = [weakref.ref(part) for part in (scorer, scorer._engine, scorer._encoder)]
    memory.freeze_gc()
    gc.disable()
    del scorer
    versions.keep_only([2])
    assert [part() for part in parts] == [None, None, None]
    assert len(gc.get_objects()) < gc.get_freeze_count() / 10, "the collector still looks at everything"
