"""The trainer as a job of every week."""

from pathlib import Path
from typing import Any

from tests.deploy.manifests import container_of, one, pod_of, settings_of
from trainer.__main__ import _parser

TRAINER = (Path(__file__).parents[2] / "trainer" / "README.md").read_text(encoding="utf-8")


def _job() -> dict[str, Any]:
    return dict(one("production", "CronJob", "sentiment-trainer")["spec"])


def _options() -> Any:
    container = container_of("production", "sentiment-trainer")
    assert container["command"][:3] == ["python3", "-m", "trainer"]
    return _parser().parse_args([*container["command"][3:], *container["args"]])


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
