"""The compose file, and a real broker from the properties that it gives to its image."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from deploy.local.java import java_command
from deploy.local.kafka import JAVA_OPTIONS, LOGGING
from deploy.local.kafka_jars import classpath
from deploy.local.processes import OwnedProcesses, free_ports, listens
from tests.kafka.waiting import eventually

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
START_SECONDS = 60.0


def mounts(service: str) -> dict[str, str]:
    """What a service sees of this directory: source by target."""
    split = [volume.split(":") for volume in SERVICES[service].get("volumes", ())]
    return {target: source for source, target, *_ in split if source.startswith(".")}


def server_properties(environment: Mapping[str, str]) -> dict[str, str]:
    """The broker's properties as Kafka's image makes them of its environment."""
    found = {}
    for name, value in environment.items():
        if name.startswith("KAFKA_"):
            key = name.removeprefix("KAFKA_").lower()
            key = key.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")
            found[key] = value
    return found


@contextmanager
def composed_kafka() -> Iterator[dict[int, int]]:
    """The composed broker on this machine: where each port that clients use in compose.yaml is now.

    Only what a container would bring differs: ports, host names, the directory of the data.
    """
    environment = SERVICES["kafka"]["environment"]
    ports = dict(zip((9092, 9093, 19092), free_ports(3), strict=True))
    processes = OwnedProcesses("composed-kafka")
    try:
        properties = server_properties(environment) | {"log.dirs": str(processes.directory / "data")}
        for name in ("listeners", "advertised.listeners", "controller.quorum.voters"):
            local = re.sub(r"(//|@)(kafka|localhost)?:", r"\g<1>127.0.0.1:", properties[name])
            properties[name] = re.sub(r":(\d+)", lambda port: f":{ports[int(port[1])]}", local)
        file = processes.directory / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        _start(processes, file, environment["CLUSTER_ID"], ports)
        yield ports
    finally:
        processes.close()


def _start(processes: OwnedProcesses, settings: Path, cluster: str, ports: Mapping[int, int]) -> None:
    java = [java_command(), *JAVA_OPTIONS, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", classpath()]
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings)]
    assert processes.wait(processes.start("broker", [*java, *tool]), START_SECONDS) == 0, processes.log_tail("broker")
    broker: subprocess.Popen[bytes] = processes.start("broker", [*java, "kafka.Kafka", str(settings)])
    eventually(
        lambda: broker.poll() is not None or all(listens(port) for port in ports.values()),
        START_SECONDS,
        lambda: processes.log_tail("broker"),
    )
    assert broker.poll() is None, processes.log_tail("broker")
