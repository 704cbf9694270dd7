"""What pods may do, and whom they may talk to."""

import copy
from typing import Any

import pytest

from tests.deploy.manifests import (
    OVERLAYS,
    Manifest,
    container_of,
    egress_ports,
    example_secrets,
    of_kind,
    one,
    pod_of,
    pod_templates,
    selects,
    settings_of,
    under,
)
from tests.deploy.pod_security import violations

FORBIDDEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("hostNetwork", {"hostNetwork": True}, {}),
    ("volume node", {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, {}),
    ("seccompProfile", {"securityContext": {"runAsNonRoot": True}}, {}),
    ("runAsNonRoot", {}, {"runAsNonRoot": False}),
    ("runAsUser", {}, {"runAsUser": 0}),
    ("privileged", {}, {"privileged": True}),
    ("allowPrivilegeEscalation", {}, {"allowPrivilegeEscalation": True}),
    ("capabilities.drop", {}, {"capabilities": {}}),
    ("capabilities.add", {}, {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}),
]


def _names(template: Manifest) -> str:
    return str(template["metadata"]["labels"]["app.kubernetes.io/name"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_keeps_the_restricted_standard_that_the_namespace_enforces(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {_names(template): violations(template["spec"]) for template in pod_templates(overlay)} == {
        _names(template): [] for template in pod_templates(overlay)
    }


@pytest.mark.parametrize(("violation", "pod", "container"), FORBIDDEN, ids=[name for name, *_ in FORBIDDEN])
def test_a_violation_is_found(violation: str, pod: dict[str, Any], container: dict[str, Any]) -> None:
    spec = copy.deepcopy(pod_of("development")["spec"]) | pod
    spec["containers"][0]["securityContext"] |= container
    assert violations(spec) == [violation]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_writes_to_its_image_nor_runs_as_a_user_who_has_files_there(overlay: str) -> None:
    for template in pod_templates(overlay):
        (container,) = template["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert template["spec"]["securityContext"]["runAsUser"] == 10001


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_under_a_policy_for_both_directions(overlay: str) -> None:
    for template in pod_templates(overlay):
        policies = [each["spec"]["policyTypes"] for each in of_kind(overlay, "NetworkPolicy") if under(each, template)]
        assert {"Ingress", "Egress"} <= {direction for each in policies for direction in each}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_prometheus_and_the_namespace_reach_the_workers_and_only_their_port(overlay: str) -> None:
    (rule,) = one(overlay, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
        {"podSelector": {}},
    ]
    assert [port["port"] for port in rule["ports"]] == [int(settings_of(overlay)["SENTIMENT_HTTP_PORT"])]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_worker_asks_other_workers_for_their_status(overlay: str) -> None:
    (rule,) = [rule for rule in one(overlay, "NetworkPolicy")["spec"]["egress"] if "to" in rule]
    assert all(selects(each["podSelector"]["matchLabels"], pod_of(overlay)) for each in rule["to"])
    assert [port["port"] for port in rule["ports"]] == [container_of(overlay)["ports"][0]["containerPort"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_reach_names_kafka_redis_and_the_bucket(overlay: str) -> None:
    given = settings_of(overlay)
    redis = given.get("SENTIMENT_REDIS_URL") or example_secrets()["sentiment-worker"]["redis-url"]
    servers = [*given["SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"].split(","), redis.rpartition("/")[0]]
    wanted = {("TCP", int(server.rpartition(":")[2])) for server in servers}
    wanted |= {("TCP", 443)} if "SENTIMENT_MODEL_STORE" in given else set()
    reached = egress_ports(overlay, "sentiment-worker")
    assert wanted | {("UDP", 53), ("TCP", 53)} <= reached
    assert not reached & {("TCP", 80), ("TCP", 22), ("TCP", 6443)}


def test_the_trainer_reaches_names_and_the_bucket_and_is_reached_by_nobody() -> None:
    assert egress_ports("production", "sentiment-trainer") == {("UDP", 53), ("TCP", 53), ("TCP", 443)}
    assert "ingress" not in one("production", "NetworkPolicy", "sentiment-trainer")["spec"]


def test_pods_see_only_their_own_secret_as_files() -> None:
    for name in ("sentiment-worker", "sentiment-trainer"):
        volumes = pod_of("production", name)["spec"]["volumes"]
        assert [each["secret"]["secretName"] for each in volumes if "secret" in each] == [name]
        assert example_secrets()[name].keys() >= {"aws-credentials"}
        (file,) = [env["value"] for env in container_of("production", name)["env"] if env["name"].startswith("AWS_")]
        assert file == "/etc/sentiment/secrets/aws-credentials"
