"""Real Apache Kafka on this machine: one to three brokers that last as long as the process that started them.

    with LocalKafka(brokers=3) as kafka:
        kafka.bootstrap_servers     # 127.0.0.1:20117,127.0.0.1:27321,127.0.0.1:30012
        kafka.kill(2)

`python -m deploy.local.kafka --brokers 3` does the same for a person, until Ctrl-C.
"""

import base64
import signal
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local import command_line
from deploy.local.java import java_command
from deploy.local.kafka_jars import classpath
from deploy.local.kafka_settings import OWN_LISTENERS, Ports, protocols, server_properties
from deploy.local.processes import LocalServiceError, OwnedProcesses, free_ports, listens, wait_until

MOST_BROKERS = 3
START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOGGING = Path(__file__).with_name("log4j2.properties")
# Only the first compiler stage: a broker is ready 0.4 s sooner and its start takes 2.4 instead of 3.9 CPU seconds,
# which counts where the brokers share two cores with what is tested.
JAVA_OPTIONS = ("-Xmx512m", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True)
class Broker:
    """One broker: its number from 1, its ports, its settings file."""

    number: int
    ports: Ports
    settings: Path

    @property
    def name(self) -> str:
        """What its log and its directory are called."""
        return f"broker-{self.number}"


class LocalKafka:
    """A Kafka cluster (KRaft, every broker also a controller) on free ports in a temporary directory.

    Brokers are numbered from 1. `properties` are server properties that are added to, or replace, the ones of
    `server_properties`; `listeners` says what CLIENTS, and further listeners for clients, speak (SASL_SSL, ...);
    `system_properties` are Java's. Every method that starts something returns once a client sees it, or raises
    LocalServiceError with the last lines of the broker's log.
    """

    def __init__(
        self,
        brokers: int = 1,
        properties: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        system_properties: Mapping[str, str] | None = None,
    ) -> None:
        if not 1 <= brokers <= MOST_BROKERS:
            raise ValueError(f"A local Kafka has 1 to {MOST_BROKERS} brokers, not {brokers}.")
        self._count = brokers
        self._properties = dict(properties or {})
        self._listeners = dict(listeners or {})
        self._java_options = [
            *JAVA_OPTIONS,
            *(f"-D{name}={value}" for name, value in (system_properties or {}).items()),
        ]
        self._command: list[str] = []
        self._brokers: dict[int, Broker] = {}
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        logging = f"-Dlog4j2.configurationFile={LOGGING}"
        self._command = [java_command(), *self._java_options, logging, "-cp", classpath()]
        self._processes = OwnedProcesses("kafka")
        try:
            self._prepare()
            for number in self._brokers:
                self._launch(number)
            for number in self._brokers:
                self._wait_until_ready(number, beside=set(self._brokers))
        except BaseException:
            self._processes.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The data goes with the directory, so there is nothing that a slow, orderly end would save.
        self._processes.close()

    @property
    def bootstrap_servers(self) -> str:
        """The address of every broker, comma-separated, running or not."""
        return ",".join(self.address(number) for number in self._brokers)

    @property
    def directory(self) -> Path:
        """Where the logs and the data lie until the end."""
        return self._processes.directory

    def address(self, broker: int, listener: str = "CLIENTS") -> str:
        """host:port of one broker's listener: CLIENTS, BROKERS (always plain) or a further one."""
        return f"127.0.0.1:{self._brokers[broker].ports[listener]}"

    def process_id(self, broker: int) -> int:
        """The process of one running broker."""
        return self._running[broker].pid

    def log_tail(self, broker: int) -> str:
        """The last lines that one broker logged."""
        return self._processes.log_tail(self._brokers[broker].name)

    def log_tails(self) -> str:
        """The last lines that each broker logged."""
        return "\n".join(f"--- broker {number}\n{self.log_tail(number)}" for number in self._brokers)

    def kill(self, broker: int) -> None:
        """End one broker with SIGKILL, as a crash would."""
        self._processes.end(self._running.pop(broker), signal.SIGKILL, STOP_SECONDS)

    def stop(self, broker: int) -> None:
        """End one broker with SIGTERM: it hands over what it leads first, where there is another."""
        self._processes.end(self._running.pop(broker), signal.SIGTERM, STOP_SECONDS)

    def start(self, broker: int) -> None:
        """Start a killed or stopped broker again, on the same ports and data."""
        if broker in self._running:
            raise ValueError(f"Broker {broker} is running already.")
        self._launch(broker)
        self._wait_until_ready(broker, beside={broker})

    def pause(self, broker: int) -> None:
        """Let one broker stand still (SIGSTOP): its connections stay open and nothing is answered."""
        self._running[broker].send_signal(signal.SIGSTOP)

    def resume(self, broker: int) -> None:
        """Let a paused broker go on (SIGCONT)."""
        self._running[broker].send_signal(signal.SIGCONT)

    def wait_until_in_sync(self, deadline_seconds: float = START_SECONDS) -> None:
        """Wait until every replica of every partition has what its leader has; then any one broker may go."""
        with self._admin(min(self._running)) as admin:
            wait_until(
                lambda: all(
                    set(partition["isr_nodes"]) == set(partition["replica_nodes"])
                    for topic in admin.describe_topics()
                    for partition in topic["partitions"]
                ),
                deadline_seconds,
                lambda: f"Kafka's replicas were not in sync after {deadline_seconds:.0f} seconds.",
            )

    def _prepare(self) -> None:
        """Choose the ports, write the settings and format the data directories, as `kafka-storage format` does."""
        names = dict.fromkeys([*OWN_LISTENERS, *self._listeners])
        ports = iter(free_ports(len(names) * self._count))
        every = {number: {name: next(ports) for name in names} for number in range(1, self._count + 1)}
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formats = {}
        for number in every:
            settings = self.directory / f"broker-{number}.properties"
            extra = {**protocols(self._listeners), **self._properties}
            settings.write_text(server_properties(number, every, self.directory, extra))
            self._brokers[number] = broker = Broker(number, every[number], settings)
            tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings)]
            formats[number] = self._processes.start(broker.name, [*self._command, *tool])
        for number, process in formats.items():
            if self._processes.wait(process, START_SECONDS):
                raise LocalServiceError(f"Kafka's storage could not be made:\n{self.log_tail(number)}")

    def _launch(self, number: int) -> None:
        broker = self._brokers[number]
        command = [*self._command, "kafka.Kafka", str(broker.settings)]
        self._running[number] = self._processes.start(broker.name, command)

    def _wait_until_ready(self, number: int, beside: set[int]) -> None:
        """Wait until the broker answers and knows all of `beside`, itself among them, as taking part."""
        wait_until(
            lambda: self._running[number].poll() is not None or self._sees(number, beside),
            START_SECONDS,
            lambda: f"Kafka broker {number} was not ready after {START_SECONDS:.0f} s:\n{self.log_tail(number)}",
        )
        if self._running[number].poll() is not None:
            raise LocalServiceError(f"Kafka broker {number} ended at once:\n{self.log_tail(number)}")

    def _sees(self, number: int, beside: set[int]) -> bool:
        ports = self._brokers[number].ports
        if not (listens(ports["CLIENTS"]) and listens(ports["BROKERS"])):
            return False
        try:
            with self._admin(number) as admin:
                return beside <= {
                    broker["broker_id"] for broker in admin.describe_cluster()["brokers"] if not broker["is_fenced"]
                }
        except (OSError, KafkaError):
            return False

    def _admin(self, number: int) -> KafkaAdminClient:
        """A client of the listener between brokers, which stays plain whatever clients must use."""
        return KafkaAdminClient(
            bootstrap_servers=self.address(number, "BROKERS"),
            bootstrap_timeout_ms=5_000,
            request_timeout_ms=5_000,
        )


def main() -> int:
    """Start brokers and keep them until Ctrl-C."""
    parser = command_line.parser("python -m deploy.local.kafka", "Run real Apache Kafka on this machine until Ctrl-C.")
    parser.add_argument("--brokers", type=int, default=1, choices=range(1, MOST_BROKERS + 1), help="default: 1")
    brokers = parser.parse_args().brokers
    return command_line.run_until_interrupted(
        lambda: LocalKafka(brokers), lambda kafka: f"Kafka answers on {kafka.bootstrap_servers}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
