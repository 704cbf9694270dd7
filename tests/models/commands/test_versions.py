import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.models.keys import make_key, public


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
    given = [{"id": f"r{index}", "text": "good " * index, "attributes": {"n": str(index)}} for index in range(700)]
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
    reported = finished.stderr.decode().splitlines()
    assert [line.split(":")[0] for line in reported] == [f"Skipped line {number}" for number in (1, 2, 3, 4, 5, 6, 8)]


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
BAD_REMOVALS = [("label", "imdb", "canary", *yield_cpu, "--remove") for yield_cpu in (("1",), ("--share", "0.1"))]


@pytest.mark.parametrize("arguments", [*BAD_USE, *BAD_REMOVALS])
def test_bad_use_is_status_two(arguments: tuple[str, ...]) -> None:
    assert pipe("", *arguments).returncode == 2


def test_sign_signs_what_verify_then_accepts(run: Any, key: Path) -> None:
    assert "not signed" in run("verify", "imdb", "--public-key", str(public(key)))[2]
    assert run("sign", "imdb@1", "--key", str(key))[0] == 0
    status, out, _ = run("verify", "imdb", "--public-key", str(public(key)))
    assert status == 0
    assert "is signed" in out


def test_sign_says_that_it_replaces_another_keys_signature(run: Any, key: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("sign", "imdb@1", "--key", str(key))[1] == "imdb version 1 is signed.\n"
    reported = run("sign", "imdb@1", "--key", str(make_key(tmp_path, "theirs")))[1]
    assert reported == "imdb version 1 is signed; the signature that it had was not of this key, and is gone.\n"


def test_a_version_that_does_not_hold_is_not_signed(run: Any, artifact: Path, key: Path) -> None:
    (artifact / "vocabulary.txt").write_text("good\n")
    assert run("sign", "imdb", "--key", str(key))[0] == 1
    assert not (artifact / "manifest.json.sig").exists()


@pytest.mark.parametrize("command", ["score", "list", "show", "verify", "label", "history", "sign"])
def test_every_command_has_help(command: str) -> None:
    assert b"--store" in pipe("", command, "--help").stdout
