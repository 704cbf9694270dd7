"""Every resource by the schemas of Kubernetes and of the operators, unknown fields refused."""

import copy

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.deploy.manifests import KUBERNETES, OVERLAYS, Manifest, of_kind, one, rendered
from tests.deploy.schemas import custom_schema

# The oldest that deploy/kubernetes/README.md promises, and the newest that the package knows.
VERSIONS = ("1.31", kubernetes_validate.latest_version())
CUSTOM_GROUPS = {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}


def _check(resource: Manifest, version: str) -> None:
    if resource["apiVersion"] in CUSTOM_GROUPS:
        Draft202012Validator(custom_schema(resource["kind"], resource["apiVersion"])).validate(resource)
    else:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_is_valid(overlay: str, version: str) -> None:
    for resource in rendered(overlay):
        _check(resource, version)


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "ServiceMonitor", "TriggerAuthentication"])
def test_a_field_that_does_not_exist_is_found(kind: str) -> None:
    misspelt = copy.deepcopy(one("production", kind))
    misspelt["spec"]["replica"] = 2
    with pytest.raises(ValidationError, match="replica"):
        _check(misspelt, VERSIONS[0])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_in_one_namespace(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    others = [each for each in rendered(overlay) if each["kind"] != "Namespace"]
    assert {each["metadata"].get("namespace") for each in others} == {namespace["metadata"]["name"]}


def test_every_component_is_in_the_production_overlay() -> None:
    listed = (KUBERNETES / "overlays" / "production" / "kustomization.yaml").read_text()
    for component in (KUBERNETES / "components").iterdir():
        assert f"  - ../../components/{component.name}\n" in listed


def test_the_oldest_version_is_the_one_that_is_promised() -> None:
    assert f"Kubernetes {VERSIONS[0]} or newer" in (KUBERNETES / "README.md").read_text()
