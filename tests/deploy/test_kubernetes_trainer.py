"""The trainer as a job of every week."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.deploy.manifests import container_of, one, pod_of, settings_of
from tests.reviews import sample
from trainer.__main__ import command_parser

PROJECT = Path(__file__).parents[2]
TRAINER = (PROJECT / "trainer" / "README.md").read_text(encoding="utf-8")
REVIEWS = 400
MACHINE = ("/usr", "/bin", "/lib", "/lib64", "/sys", "/etc/passwd", "/etc/ssl", "/etc/hosts", "/etc/ld.so.cache")


def _job() -> dict[str, Any]:
    return dict(one("production", "CronJob", "sentiment-trainer")["spec"])


def _options() -> Any:
    container = container_of("production", "sentiment-trainer")
    assert container["command"][:3] == ["python3", "-m", "trainer"]
    return command_parser().parse_args([*container["command"][3:], *container["args"]])


def _mounted(path: Path) -> dict[str, Any]:
    mounts = container_of("production", "sentiment-trainer")["volumeMounts"]
    (name,) = [each["name"] for each in mounts if path.is_relative_to(each["mountPath"])]
    (volume,) = [each for each in pod_of("production", "sentiment-trainer")["spec"]["volumes"] if each["name"] == name]
    return dict(volume)


def test_the_command_is_one_that_the_trainer_takes() -> None:
    options = _options()
    assert f"| `{options.recipe}` |" in TRAINER
    assert not options.no_publish
    assert not options.force


def test_it_learns_from_the_claim_and_writes_where_it_may() -> None:
    claim = one("production", "PersistentVolumeClaim", "sentiment-training-data")
    data = _mounted(_options().data)["persistentVolumeClaim"]
    assert data == {"claimName": claim["metadata"]["name"], "readOnly": True}
    assert "emptyDir" in _mounted(_options().runs)


def test_it_publishes_to_the_store_that_the_workers_read() -> None:
    (store,) = [
        env for env in container_of("production", "sentiment-trainer")["env"] if env["name"] == "SENTIMENT_MODEL_STORE"
    ]
    reference = store["valueFrom"]["configMapKeyRef"]
    assert reference["name"] == one("production", "ConfigMap")["metadata"]["name"]
    assert "://" in settings_of("production")[reference["key"]]


def test_two_trainings_never_overlap_and_none_goes_on_for_ever() -> None:
    assert _job()["concurrencyPolicy"] == "Forbid"
    assert _job()["jobTemplate"]["spec"]["activeDeadlineSeconds"] <= 6 * 3600


def test_what_the_trainer_refused_is_not_tried_again() -> None:
    job = _job()["jobTemplate"]["spec"]
    (refused,) = [rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"] if rule["action"] == "FailJob"]
    assert refused == {"containerName": "trainer", "operator": "In", "values": [1, 2]}
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def _contained(folder: Path, settings: dict[str, str]) -> list[str]:
    """The job's command with its mounts, as its user, without capabilities, on a root that nobody can write to.

    This machine's programs and this checkout stand in for the image; whatever is not named is not there.
    """
    container, pod = container_of("production", "sentiment-trainer"), pod_of("production", "sentiment-trainer")
    user = pod["spec"]["securityContext"]["runAsUser"]
    options = ["--tmpfs", "/", "--proc", "/proc", "--dev", "/dev", "--ro-bind", str(PROJECT), "/app", "--clearenv"]
    binds = [("--ro-bind-try", path, path) for path in (*MACHINE, sys.base_prefix)]
    binds.append(("--ro-bind", sys.prefix, "/venv"))  # the checkout may be where the job has a mount
    for mount in container["volumeMounts"]:
        (folder / mount["name"]).mkdir()
        os.chown(folder / mount["name"], user, user)
        kind = "--ro-bind" if mount.get("readOnly") else "--bind"
        binds.append((kind, str(folder / mount["name"]), mount["mountPath"]))
    for bind in binds:
        for parent in reversed(Path(bind[2]).parents):
            options += ["--perms", "0755", "--dir", str(parent)]
        options += bind
    for name, value in settings.items():
        options += ["--setenv", name, value]
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    command = [*become, "/venv/bin/python", *container["command"][1:], *container["args"]]
    return ["bwrap", *options, "--remount-ro", "/", "--chdir", "/app", "--", *command]


@pytest.mark.slow
def test_it_trains_and_publishes_to_a_bucket(own_bucket: Any, tmp_path: Path) -> None:
    missing = [name for name in ("bwrap", "setpriv") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"a container needs root and {', '.join(missing) or 'nothing else'}")
    container = container_of("production", "sentiment-trainer")
    settings = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    settings |= {"SENTIMENT_MODEL_STORE": own_bucket.store, "PATH": os.environ["PATH"]}
    settings |= {name: os.environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}
    command = _contained(tmp_path, settings)
    with (tmp_path / "data" / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        reviews = sample()
        named = [reviews.classes[label] for label in reviews.labels[:REVIEWS]]
        csv.writer(file).writerows([("text", "label"), *zip(reviews.texts, named, strict=False)])
    keys = [f"{name.lower()} = {os.environ[name]}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    (tmp_path / "secrets" / "aws-credentials").write_text("\n".join(["[default]", *keys]))
    done = subprocess.run([*command, "--epochs=1", "--json"], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout)
    version = Registry(own_bucket.store).resolve(f"{reported['model']}@{reported['version']}")
    assert Scorer.load(version.path).manifest.training["recipe"] == _options().recipe
