import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.__main__ import main
from models.registry import Registry
from tests.models.keys import make_key, public
from tests.versions import BREAKS, add_version


@pytest.fixture
def run(store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on a copied store: status, standard output and standard error."""
    monkeypatch.setenv("SENTIMENT_MODEL_STORE", str(store))

    def run_command(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path, "ours")


def pipe(text: str | bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs `python -m models` as people do, with text on its standard input."""
    given = text.encode() if isinstance(text, str) else text
    return subprocess.run([sys.executable, "-m", "models", *arguments], input=given, capture_output=True, check=False)


def objects(output: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_score_shows_a_table(run: Any) -> None:
    status, out, _ = run("score", "This is soo sad")
    assert status == 0
    assert "negative" in out
    assert "This is soo sad" in out


def test_score_takes_arguments_and_files(run: Any, tmp_path: Path) -> None:
    (tmp_path / "reviews.txt").write_text("good\n\nbad\n")
    status, out, _ = run("score", "great", "--file", str(tmp_path / "reviews.txt"), "--json")
    assert status == 0
    assert [each["sentiment"] for each in objects(out)] == ["positive", "positive", "negative"]


def test_score_reads_lines_from_standard_input() -> None:
    finished = pipe("great\nawful\n", "score", "--json")
    assert finished.returncode == 0
    assert [each["id"] for each in objects(finished.stdout)] == ["line-1", "line-2"]


def test_jsonl_prints_one_output_object_a_line_in_order() -> None:
    given = [{"id": f"r{place}", "text": "good " * place, "attributes": {"n": str(place)}} for place in range(700)]
    finished = pipe("".join(json.dumps(each) + "\n" for each in given), "score", "--model", "imdb@stable", "--jsonl")
    outputs = objects(finished.stdout)
    assert [each["id"] for each in outputs] == [each["id"] for each in given]
    assert [each["attributes"] for each in outputs] == [each["attributes"] for each in given]


def test_an_output_object_has_the_fields_of_a_sentiment() -> None:
    (output,) = objects(pipe('{"text": "good"}\n', "score", "--jsonl").stdout)
    assert [*output] == ["id", "sentiment", "scores", "coverage", "model", "version", "attributes", "scored_at"]
    assert output["id"] == "line-1"
    assert sum(output["scores"].values()) == pytest.approx(1, abs=2e-6)
    assert output["scored_at"].endswith("Z")


BAD_LINES = ["nonsense", "[]", "{}", '{"text": 1}', '{"id": "", "text": "a"}', '{"text": "a", "attributes": {"b": 1}}']


def test_bad_lines_are_told_by_number_and_the_rest_is_scored() -> None:
    finished = pipe("\n".join([*BAD_LINES, '{"text": "good"}', "[" * 100_000]) + "\n", "score", "--jsonl")
    assert finished.returncode == 1
    assert [each["id"] for each in objects(finished.stdout)] == ["line-7"]
    told = finished.stderr.decode().splitlines()
    assert [line.split(":")[0] for line in told] == [f"Skipped line {number}" for number in (1, 2, 3, 4, 5, 6, 8)]


def test_input_that_is_not_utf8_is_scored_all_the_same() -> None:
    finished = pipe(b"good \xff\xfe movie\n", "score", "--json")
    assert objects(finished.stdout)[0]["coverage"] == 1


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"yes good | head -n 20000 | {sys.executable} -m models score --json | head -n 1"
    finished = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert len(finished.stdout.splitlines()) == 1
    assert finished.stderr == b""


def test_list_tells_models_versions_and_labels(run: Any) -> None:
    status, out, _ = run("list", "--json")
    assert status == 0
    assert json.loads(out)["imdb"]["labels"]["stable"] in json.loads(out)["imdb"]["versions"]
    assert "imdb" in run("list")[1]


def test_show_prints_the_manifest(run: Any) -> None:
    assert json.loads(run("show", "imdb", "--json")[1])["name"] == "imdb"
    assert "data_sha256" in run("show", "imdb")[1]


def test_verify_says_yes_and_no(run: Any, artifact: Path) -> None:
    assert run("verify", "imdb")[0] == 0
    (artifact / "vocabulary.txt").write_text("good\n")
    status, _, err = run("verify", "imdb")
    assert status == 1
    assert "checksum" in err


@pytest.mark.parametrize("arguments", [("imdb", "canary", "2"), ("imdb@2", "canary"), ("imdb", "canary", "next")])
def test_label_points_a_label_at_a_version(run: Any, store: Path, arguments: tuple[str, ...]) -> None:
    add_version(store)
    assert run("label", "imdb", "next", "2")[0] == 0
    assert run("label", *arguments)[0] == 0
    canary = json.loads(run("list", "--json")[1])["imdb"]["labels"]["canary"]
    assert (canary["version"], canary["share"]) == (2, 0.05)


@pytest.mark.parametrize("how", [each for each in BREAKS if each not in ("vanished", "no manifest yet")])
def test_a_version_that_no_worker_would_use_is_labelled_by_force_only(run: Any, store: Path, how: str) -> None:
    add_version(store)
    BREAKS[how](store / "imdb" / "2")
    status, out, err = run("label", "imdb", "stable", "2")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Version 2 of imdb does not pass its check, so stable is not set (--force sets it all the ")
    assert Registry(store).labels("imdb") == {"stable": 1}
    assert run("label", "imdb", "stable", "2", "--force")[0] == 0
    assert Registry(store).labels("imdb") == {"stable": 2}


def test_a_version_that_is_not_signed_is_labelled_unless_a_key_is_named(run: Any, store: Path, key: Path) -> None:
    add_version(store)
    status, _, err = run("label", "imdb", "stable", "2", "--public-key", str(public(key)))
    assert (status, "not signed" in err) == (1, True)
    assert run("label", "imdb", "stable", "2")[0] == 0


@pytest.mark.parametrize("label", ["canary", "shadow"])
def test_the_stable_version_cannot_be_tried_beside_itself(run: Any, store: Path, label: str) -> None:
    status, out, err = run("label", "imdb", label, "1", "--force")
    assert (status, out) == (1, "")
    assert err == f"Version 1 of imdb is stable: as {label} too it would do nothing.\n"
    assert Registry(store).labels("imdb") == {"stable": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "--model", "nope", "good"),
        ("score", "--model", "imdb@99", "good"),
        ("score", "--file", "/nowhere/reviews.txt"),
        ("show", "nope"),
        ("verify", "nope"),
        ("label", "imdb@99", "canary"),
        ("label", "imdb", "canary", "99"),
        ("label", "imdb", "canary"),
        ("label", "imdb@1", "canary", "1"),
        ("label", "imdb@1", "Not A Label"),
        ("label", "imdb@1", "canary", "--share", "1.5"),
        ("label", "imdb@1", "stable", "--share", "0.5"),
        ("label", "imdb", "stable", "--remove"),
        ("label", "imdb", "canary", "--remove"),
        ("label", "nope", "canary", "--remove"),
        ("sign", "imdb", "--key", "/nowhere/key.pem"),
        ("verify", "imdb", "--public-key", "/nowhere/key.pem"),
        ("history", "nope"),
        ("history", "imdb@1"),
        ("list", "--store", "/nowhere"),
    ],
)
def test_what_fails_says_why_in_one_sentence(run: Any, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert status == 1
    assert out == ""
    assert err.count("\n") == 1


BAD_USE = [(), ("score", "--nope"), ("score", "--jsonl", "good"), ("show",), ("nope",), ("history",)]
BAD_REMOVALS = [("label", "imdb", "canary", *rest, "--remove") for rest in (("1",), ("--share", "0.1"))]


@pytest.mark.parametrize("arguments", [*BAD_USE, *BAD_REMOVALS])
def test_bad_use_is_status_two(arguments: tuple[str, ...]) -> None:
    assert pipe("", *arguments).returncode == 2


def test_a_label_takes_a_share_and_is_taken_away(run: Any, store: Path) -> None:
    add_version(store)
    assert "0.2 of the records" in run("label", "imdb", "canary", "2", "--share", "0.2")[1]
    assert json.loads(run("label", "imdb", "canary", "--remove", "--json")[1])["labels"] == {"stable": 1}


def test_a_roll_back_says_which_trial_it_ends(run: Any, store: Path) -> None:
    add_version(store)
    run("label", "imdb", "canary", "2")
    told = run("label", "imdb", "stable", "2")[1]
    assert told == "imdb@stable is now version 2; canary (version 2 for 0.05 of the records) is taken away.\n"


def test_history_tells_who_changed_what_and_why(run: Any, store: Path) -> None:
    add_version(store)
    run("label", "imdb", "canary", "2", "--share", "0.2")
    entry = {"verdict": "promote", "numbers": {"agreement": 0.98}}
    Registry(store).change_labels("imdb", Registry(store).labels("imdb"), {"stable": 1}, entry)
    by_person, by_rule = objects(run("history", "imdb", "--json")[1])
    assert (by_person["by"], by_rule["by"], by_rule["verdict"]) == ("person", "rule", "promote")
    shown = run("history", "imdb")[1]
    assert all(each in shown for each in ("person", "rule", "promote", "agreement: 0.98", "canary: version 2"))


def test_sign_signs_what_verify_then_accepts(run: Any, key: Path) -> None:
    assert "not signed" in run("verify", "imdb", "--public-key", str(public(key)))[2]
    assert run("sign", "imdb@1", "--key", str(key))[0] == 0
    status, out, _ = run("verify", "imdb", "--public-key", str(public(key)))
    assert status == 0
    assert "is signed" in out


def test_a_version_that_does_not_hold_is_not_signed(run: Any, artifact: Path, key: Path) -> None:
    (artifact / "vocabulary.txt").write_text("good\n")
    assert run("sign", "imdb", "--key", str(key))[0] == 1
    assert not (artifact / "manifest.json.sig").exists()


@pytest.mark.parametrize("command", ["score", "list", "show", "verify", "label", "history", "sign"])
def test_every_command_has_help(command: str) -> None:
    assert b"--store" in pipe("", command, "--help").stdout
