import itertools

import pytest

from worker.versions import Rests


@pytest.mark.parametrize(("worked", "rested"), [(0.01, 0.04), (2.0, 0.5)])
def test_rests_are_four_times_as_long_as_work_up_to_half_a_second(worked: float, rested: float) -> None:
    now, rests = itertools.count(0, worked), []
    Rests(lambda: next(now), rests.append)()
    assert rests == [pytest.approx(rested)]
