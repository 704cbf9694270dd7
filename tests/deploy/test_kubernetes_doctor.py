"""`worker doctor` in the cluster, for when there is no worker to run it in."""

import argparse
import re
from pathlib import Path

import pytest

from tests.deploy.composed import SERVICES
from tests.deploy.manifests import OVERLAYS, container_of, egress_ports, of_kind, one, pod_of, selects
from worker.__main__ import COMMANDS
from worker.commands.doctor.command import add_arguments
from worker.observability.health import START_LIMIT_SECONDS

DOCTOR = "sentiment-doctor"
RUNBOOKS = (Path(__file__).parents[2] / "deploy" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_command_is_one_that_the_worker_takes(overlay: str) -> None:
    container = container_of(overlay, DOCTOR)
    assert container["command"] == ["python3", "-m", "worker", "doctor"]
    assert "doctor" in COMMANDS
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.parse_args(container.get("args", []))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_it_sees_what_a_worker_sees(overlay: str) -> None:
    own, workers = container_of(overlay, DOCTOR), container_of(overlay)
    for part in ("image", "env", "envFrom", "resources", "securityContext", "volumeMounts"):
        assert own[part] == workers[part], part
    own, workers = pod_of(overlay, DOCTOR)["spec"], pod_of(overlay)["spec"]
    for part in ("securityContext", "serviceAccountName", "volumes"):
        assert own[part] == workers[part], part
    assert egress_ports(overlay, DOCTOR) == egress_ports(overlay, "sentiment-worker")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_it_is_counted_as_no_worker(overlay: str) -> None:
    template = pod_of(overlay, DOCTOR)
    assert not selects(one(overlay, "Service")["spec"]["selector"], template)
    assert not selects(one(overlay, "Deployment")["spec"]["selector"]["matchLabels"], template)
    (budget,) = of_kind(overlay, "PodDisruptionBudget")
    assert not selects(budget["spec"]["selector"]["matchLabels"], template)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_it_runs_when_it_is_told_to_and_once(overlay: str) -> None:
    job = one(overlay, "CronJob", DOCTOR)["spec"]
    assert job["suspend"] is True
    assert job["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] > START_LIMIT_SECONDS
    assert pod_of(overlay, DOCTOR)["spec"]["restartPolicy"] == "Never"


def test_the_runbooks_say_how_to_run_it_where_no_worker_is_up() -> None:
    [(kind, name)] = re.findall(r"^    kubectl -n sentiment create job --from=(\w+)/([\w-]+) doctor$", RUNBOOKS, re.M)
    assert (kind, name) == ("cronjob", DOCTOR)
    assert one("production", "CronJob", name)["metadata"]["namespace"] == "sentiment"
    [(service, command)] = re.findall(r"^    docker compose run --rm --no-deps (\w+) (.+)$", RUNBOOKS, re.M)
    # It takes the place of the service's command, behind the image's `python3 -m`.
    assert command.split() == [SERVICES[service]["command"][0], "doctor"]
    assert "entrypoint" not in SERVICES[service]
