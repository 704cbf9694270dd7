"""Kubernetes' Pod Security Standard "restricted", as its page lists it, for pods on Linux."""

from collections.abc import Iterator
from typing import Any

VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
}


def violations(pod: dict[str, Any]) -> list[str]:
    """What a pod's spec does that namespaces with `pod-security.kubernetes.io/enforce: restricted` refuse."""
    return [*_of_pod(pod), *(each for kind in ("containers", "initContainers") for each in _of_all(pod, kind))]


def _of_pod(pod: dict[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    for volume in pod.get("volumes", ()):
        if not volume.keys() - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def _of_all(pod: dict[str, Any], kind: str) -> Iterator[str]:
    for container in pod.get(kind, ()):
        yield from _of_container(container, pod.get("securityContext", {}))


def _of_container(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    both = pod | own
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    if "ALL" not in own.get("capabilities", {}).get("drop", ()):
        yield "capabilities.drop"
    if not set(own.get("capabilities", {}).get("add", ())) <= {"NET_BIND_SERVICE"}:
        yield "capabilities.add"
    if both.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if both.get("runAsUser") == 0:
        yield "runAsUser"
    if both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    if both.get("seLinuxOptions") or both.get("appArmorProfile"):
        yield "seLinuxOptions or appArmorProfile"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
