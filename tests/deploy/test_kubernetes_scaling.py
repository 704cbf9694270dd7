"""How many workers there are: what lag asks for, and what a drained node may take away."""

import argparse
import re
from typing import Any

import pytest

from tests.deploy.manifests import (
    KUBERNETES,
    OVERLAYS,
    container_of,
    example_secrets,
    of_kind,
    one,
    pod_of,
    selects,
    settings_of,
)
from tests.pages import README, read
from worker.commands import run
from worker.settings.settings import Settings

# The row of the default model and client: reviews per CPU-second, latency, memory.
[MEASURED] = re.findall(r"^\| `reviews`, kafka-python \| ([\d,]+) \| [^|]+ \| (\d+) MB \|$", read(README), re.MULTILINE)
DRAIN_SECONDS = 5
# What KEDA's documentation of its Kafka trigger lists; the schema of its resource takes anything.
TRIGGER_OPTIONS = {
    *("bootstrapServersFromEnv", "consumerGroupFromEnv", "topicFromEnv", "lagThreshold", "offsetResetPolicy"),
    *("ensureEvenDistributionOfPartitions", "limitToPartitionsWithLag", "allowIdleConsumers", "excludePersistentLag"),
    *("tls", "sasl"),
}


def _scaled() -> dict[str, Any]:
    return dict(one("production", "ScaledObject")["spec"])


def _trigger() -> dict[str, str]:
    (trigger,) = _scaled()["triggers"]
    assert trigger["type"] == "kafka"
    return dict(trigger["metadata"])


def _partitions() -> int:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return int(parser.parse_args([]).partitions)


def test_the_threshold_is_what_one_worker_clears_in_five_seconds() -> None:
    cores = int(container_of("production")["resources"]["requests"]["cpu"])
    cleared = int(MEASURED[0].replace(",", "")) * cores * DRAIN_SECONDS
    assert int(_trigger()["lagThreshold"]) == round(cleared, -3)


def test_the_readme_tells_the_threshold_and_what_the_most_workers_clear() -> None:
    reported = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    threshold = int(_trigger()["lagThreshold"])
    assert f"{threshold:,} records a worker" in reported
    assert f"clear {threshold // DRAIN_SECONDS * _scaled()['maxReplicaCount']:,} reviews a second" in reported


def test_workers_share_the_partitions_evenly() -> None:
    assert _trigger()["ensureEvenDistributionOfPartitions"] == "true"
    # KEDA takes only one of the two; consumers without partitions would be of no use.
    assert _trigger()["limitToPartitionsWithLag"] == _trigger()["allowIdleConsumers"] == "false"
    assert _partitions() % _scaled()["minReplicaCount"] == _partitions() % _scaled()["maxReplicaCount"] == 0


def test_a_partition_that_stands_still_calls_for_no_workers() -> None:
    assert _trigger()["excludePersistentLag"] == "true"


def test_options_of_the_trigger_exist_and_are_texts() -> None:
    assert _trigger().keys() <= TRIGGER_OPTIONS
    assert all(isinstance(value, str) for value in _trigger().values())


def test_the_scaler_reads_the_workers_own_variables() -> None:
    named = [value for option, value in _trigger().items() if option.endswith("FromEnv")]
    assert len(named) == 3
    assert set(named) <= settings_of("production").keys()
    assert _scaled()["scaleTargetRef"]["envSourceContainerName"] == container_of("production")["name"]


def test_the_scaler_counts_from_where_a_new_group_starts() -> None:
    start = settings_of("production").get("SENTIMENT_START", Settings.model_fields["start"].default)
    assert _trigger()["offsetResetPolicy"] == start


def test_the_scaler_has_the_workers_credentials() -> None:
    authentication = one("production", "TriggerAuthentication")
    (trigger,) = _scaled()["triggers"]
    assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
    for secret in authentication["spec"]["secretTargetRef"]:
        assert secret["key"] in example_secrets()[secret["name"]]
    assert {each["name"] for each in authentication["spec"]["env"]} <= settings_of("production").keys()
    given = settings_of("production")
    assert (given["SENTIMENT_KAFKA_SECURITY_PROTOCOL"], trigger["metadata"]["tls"]) == ("SASL_SSL", "enable")
    assert given["SENTIMENT_KAFKA_SASL_MECHANISM"].lower().replace("-", "") == "scramsha512"
    assert trigger["metadata"]["sasl"] == "scram_sha512"


def test_only_the_scaler_decides_how_many_there_are() -> None:
    assert _scaled()["scaleTargetRef"]["name"] == one("production", "Deployment")["metadata"]["name"]
    assert "replicas" not in one("production", "Deployment")["spec"]
    assert one("development", "Deployment")["spec"]["replicas"] == 1


def test_scaling_down_waits_and_scaling_up_does_not() -> None:
    behavior = _scaled()["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_node_can_be_drained(overlay: str) -> None:
    budget = one(overlay, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] >= 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert selects(budget["selector"]["matchLabels"], pod_of(overlay))
    fewest = [each["spec"]["minReplicaCount"] for each in of_kind(overlay, "ScaledObject")]
    assert overlay == "development" or budget["maxUnavailable"] < min(fewest)
