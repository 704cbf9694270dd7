"""What `rescore` refuses, and how it tells what came of it."""

from pathlib import Path

import pytest

from models.registry.registry import Registry, Resolved
from tests.versions import add_version
from worker.__main__ import main
from worker.commands.rescore.command import score_class
from worker.commands.rescore.comparison import Change, Statistics
from worker.commands.rescore.job import Progress, State
from worker.commands.rescore.report import lines, to_json
from worker.commands.rescore.start import make_job
from worker.kafka.types import Partition
from worker.settings.settings import Settings

JOB = make_job(Settings(), ("imdb", 2), "again", None)
STATISTICS = Statistics(
    results=11,
    compared=10,
    confusion={"negative": {"negative": 4, "positive": 1}, "positive": {"positive": 3, "negative": 2}},
    new_classes={"negative": 7, "positive": 4},
    old_versions={"imdb@1": 8, "old@7": 2},
    score_class="positive",
    mean_absolute_difference=0.125,
    largest=[Change("r7\x1b[31m", "positive", "negative", 0.9, 0.1)],
)
NOTHING = Statistics(11, 0, {}, {"positive": 11}, {}, "positive", None, [])


def finished(records: int, **skipped: int) -> State:
    """Of two partitions, one after the other."""
    progress = Progress("imdb@2", "again", JOB.given, 0, 0, 20, {}, records, skipped)
    parts = [Partition("reviews", number) for number in range(2)]
    return State(dict.fromkeys(parts, progress), dict.fromkeys(parts, 20))


def test_the_report_for_programs() -> None:
    report = to_json(JOB, finished(7, invalid=1, not_json=0), STATISTICS, 1.23456)
    assert (report["records"], report["scored"], report["skipped"]["invalid"]) == (14, 12, 2)
    assert (report["results"], report["compared"], report["agreement_ratio"]) == (11, 10, 0.7)
    assert report["flips"] == {"negative -> positive": 1, "positive -> negative": 2}
    assert report["class_mix"]["old"] == {"negative": 0.5, "positive": 0.5}
    assert report["class_mix"]["new"] == {"negative": 0.6, "positive": 0.4}
    assert report["class_mix"]["new_of_all"] == {"negative": 7 / 11, "positive": 4 / 11}
    assert report["largest_changes"][0]["old_score"] == 0.9
    assert (report["seconds"], report["old_versions"]) == (1.235, {"imdb@1": 8, "old@7": 2})


def test_the_report_for_people() -> None:
    assert list(lines(JOB, finished(7, invalid=1), STATISTICS, "sentiments")) == [
        "Scored 12 of 14 records of topic reviews with imdb@2 into topic again (skipped: 2 invalid).",
        "Compared with the old results of topic sentiments: 10 of 11 ids (8 by imdb@1, 2 by old@7).",
        "Both agree on 7 of 10 (70.00%).",
        "",
        "old \\ new        negative     positive",
        "negative                4            1",
        "positive                2            3",
        "",
        "class mix             old          new",
        "negative           50.00%       60.00%",
        "positive           50.00%       40.00%",
        "",
        "The score of positive changed by 0.1250 on average, most for:",
        "  0.9000 positive -> 0.1000 negative  r7\ufffd[31m",
    ]


def test_without_old_results_there_is_nothing_to_compare() -> None:
    _, reported = lines(JOB, finished(7), NOTHING, "sentiments")
    assert reported == "Topic sentiments holds no old results of the same ids to compare with."
    report = to_json(JOB, finished(7), NOTHING, 1.0)
    assert (report["agreement_ratio"], report["flips"], report["class_mix"]["old"]) == (None, {}, {})
    assert report["class_mix"]["new_of_all"] == {"positive": 1.0}


@pytest.mark.parametrize("topic", ["reviews", "sentiments", "reviews.dead-letter"])
def test_the_topics_of_the_live_stream_are_refused(capsys: pytest.CaptureFixture[str], topic: str) -> None:
    assert main(["rescore", "--model", "imdb@1", "--to", topic]) == 2
    assert capsys.readouterr().err == f"error: --to: topic {topic} belongs to the live stream: name another\n"


def test_a_name_that_no_topic_can_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescore", "--model", "imdb@1", "--to", "bad topic!"]) == 2
    assert capsys.readouterr().err.startswith("error: --to 'bad topic!': no topic can be named so: ")


def test_a_version_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescore", "--model", "imdb@99", "--to", "again"]) == 2
    assert capsys.readouterr().err.startswith("error: --model: The model 'imdb' has no version or label '99'")


def test_the_group_of_the_workers_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescore", "--model", "imdb@1", "--to", "again", "--group", "sentiment"]) == 2
    assert "sentiment is the workers' group" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--from", "soon"], ["--rate", "0"], ["--max-live-lag", "-1"], ["--until", "1:2;"]])
def test_wrong_flags_are_bad_use(capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["rescore", "--model", "imdb@1", "--to", "again", *flags])
    assert f"argument {flags[0]}: {flags[1]!r} is no " in capsys.readouterr().err


def test_the_group_is_named_by_version_and_topic() -> None:
    assert JOB.group == "sentiment-rescore-imdb-2-again"
    assert make_job(Settings(), ("imdb", 2), "again", "mine").group == "mine"


def test_scores_are_those_of_positive_or_of_the_last_class(tmp_path: Path) -> None:
    assert score_class(Registry().resolve("imdb")) == "positive"
    add_version(tmp_path, ("bad", "good"))
    assert score_class(Resolved("imdb", 1, tmp_path / "imdb" / "1")) == "good"
