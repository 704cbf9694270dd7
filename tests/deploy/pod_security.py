"""Kubernetes' Pod Security Standard "restricted", as its page lists it, for pods on Linux."""

from collections.abc import Iterator
from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


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
    both, capabilities = pod | own, own.get("capabilities", {})
    forbidden = {
        "privileged": own.get("privileged", False),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
        "procMount": own.get("procMount", "Default") != "Default",
        "capabilities.drop": "ALL" not in capabilities.get("drop", ()),
        "capabilities.add": not set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "runAsNonRoot": both.get("runAsNonRoot") is not True,
        "runAsUser": both.get("runAsUser") == 0,
        "seccompProfile": both.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"),
        "seLinuxOptions": "seLinuxOptions" in both,
        "appArmorProfile": "appArmorProfile" in both,
        "hostPort": any(port.get("hostPort") for port in container.get("ports", ())),
    }
    return (name for name, found in forbidden.items() if found)
