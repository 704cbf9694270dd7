"""What Kustomize makes of deploy/kubernetes, and questions about it."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

Manifest = dict[str, Any]

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("development", "production")
NAME = "app.kubernetes.io/name"
SECRETS = "/etc/sentiment/secrets"


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """All resources of an overlay; skips the test where there is neither kubectl nor kustomize."""
    command = next((each for each in (["kubectl", "kustomize"], ["kustomize", "build"]) if shutil.which(each[0])), None)
    if command is None:
        pytest.skip("kubectl is not installed")
    ended = subprocess.run(
        [*command, str(KUBERNETES / "overlays" / overlay)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr, ended.stderr
    return tuple(yaml.safe_load_all(ended.stdout))


def of_kind(overlay: str, kind: str) -> list[Manifest]:
    """The resources of one kind."""
    return [each for each in rendered(overlay) if each["kind"] == kind]


def one(overlay: str, kind: str, name: str = "sentiment-worker") -> Manifest:
    """The one resource of that kind and name; a config map's hash is no part of its name."""
    found = [each for each in of_kind(overlay, kind) if name in (each["metadata"]["name"], _without_hash(each))]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def pod_templates(overlay: str) -> Iterator[Manifest]:
    """The template of every pod that would run."""
    for resource in rendered(overlay):
        if resource["kind"] == "Deployment":
            yield resource["spec"]["template"]
        elif resource["kind"] == "CronJob":
            yield resource["spec"]["jobTemplate"]["spec"]["template"]
        else:
            assert "template" not in (resource.get("spec") or {}), f"a {resource['kind']} that nothing here checks"


def pod_of(overlay: str, name: str = "sentiment-worker") -> Manifest:
    """The pod template with that name among its labels."""
    (found,) = [each for each in pod_templates(overlay) if each["metadata"]["labels"][NAME] == name]
    return found


def container_of(overlay: str, name: str = "sentiment-worker") -> Manifest:
    """That pod's only container."""
    (container,) = pod_of(overlay, name)["spec"]["containers"]
    return dict(container)


def settings_of(overlay: str) -> dict[str, str]:
    """What the workers' config map holds."""
    return dict(one(overlay, "ConfigMap")["data"])


def example_secrets() -> dict[str, dict[str, str]]:
    """The keys and values of the example secrets, by the secret's name."""
    documents = yaml.safe_load_all((KUBERNETES / "secret.example.yaml").read_text(encoding="utf-8"))
    return {each["metadata"]["name"]: each["stringData"] for each in documents}


def selects(selector: dict[str, str], template: Manifest) -> bool:
    """Whether the labels of a pod match a `matchLabels`; an empty one matches all."""
    return selector.items() <= template["metadata"]["labels"].items()


def under(policy: Manifest, template: Manifest) -> bool:
    """Whether a network policy holds for a pod."""
    selector, labels = policy["spec"]["podSelector"], template["metadata"]["labels"]
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    named = all(labels.get(each["key"]) in each["values"] for each in expressions)
    return named and selects(selector.get("matchLabels", {}), template)


def egress_ports(overlay: str, name: str) -> set[tuple[str, int]]:
    """Protocol and port of everything outside the group that the policies let a pod reach."""
    template = pod_of(overlay, name)
    found = set()
    for policy in of_kind(overlay, "NetworkPolicy"):
        if under(policy, template):
            open_rules = [rule for rule in policy["spec"].get("egress", ()) if "to" not in rule]
            for port in (port for rule in open_rules for port in rule["ports"]):
                last = port.get("endPort", port["port"])
                found |= {(port["protocol"], number) for number in range(port["port"], last + 1)}
    return found


def _without_hash(resource: Manifest) -> str:
    name = str(resource["metadata"]["name"])
    return name.rpartition("-")[0] if resource["kind"] == "ConfigMap" else name
