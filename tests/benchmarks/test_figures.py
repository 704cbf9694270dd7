"""What makes a figure worthless is refused, and flags that make no sense are."""

from pathlib import Path

import pytest

from deploy.local.processes import OwnedProcesses
from tests.benchmarks import __main__ as command
from tests.benchmarks import outputs, worker_metrics
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.outputs import Output
from tests.benchmarks.process import MeasuredProcess
from tests.benchmarks.runs import Run, Sample


def half(review_id: str) -> float:
    """What each review of these tests must get."""
    return 0.5


def found(*ids: str, score: float = 0.5) -> list[Output]:
    return [Output(review_id, score, 0.0) for review_id in ids]


def test_results_that_are_all_there_are_accepted() -> None:
    outputs.check(found("0", "1"), half, 2, exactly_once=True)


def test_a_missing_result_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="1 of 2 results are missing"):
        outputs.check(found("0", "0"), half, 2, exactly_once=False)


def test_a_doubled_result_is_refused_under_exactly_once_only() -> None:
    outputs.check(found("0", "1", "1"), half, 2, exactly_once=False)
    with pytest.raises(BenchmarkError, match="1 results came twice"):
        outputs.check(found("0", "1", "1"), half, 2, exactly_once=True)


def test_a_wrong_score_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"review 1 got 0\.6"):
        outputs.check(found("1", score=0.6), half, 1, exactly_once=True)


def test_rates_count_what_lies_between_the_first_and_the_last_result() -> None:
    first, last = Sample(500, 2.0, 1.0, 0), Sample(2_500, 4.0, 1.5, 0)
    run = Run(first, last, cpu_seconds_of_life=2.5, peak_memory_bytes=0, stage_microseconds={}, marks={})
    assert run.reviews_per_cpu_second == 4_000
    assert run.reviews_per_second == 1_000
    assert run.reviews_per_cpu_second_of_life == 1_000


def test_a_quantile_lies_inside_its_bucket() -> None:
    buckets = [(0.01, 10.0), (0.02, 90.0), (float("inf"), 100.0)]
    assert worker_metrics.quantile(buckets, 0.5) == pytest.approx(0.015)
    assert worker_metrics.quantile(buckets, 0.99) == 0.02


def test_a_process_that_ends_by_itself_is_reported_with_its_last_words() -> None:
    processes = OwnedProcesses("benchmark-test")
    try:
        process = MeasuredProcess(processes, "broken", ["sh", "-c", "echo no such model; exit 3"])
        processes.wait(process._child, deadline_seconds=10)
        with pytest.raises(BenchmarkError, match="broken ended by itself:\nno such model"):
            process.require_alive()
    finally:
        processes.close()


@pytest.mark.parametrize("flags", [["speed"], ["--setting", "engine"], ["--client", "pykafka"]])
def test_flags_that_make_no_sense_are_bad_use(flags: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(flags)
    assert end.value.code == 2


def test_a_file_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command.main(["--data", str(tmp_path / "none.tsv")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
