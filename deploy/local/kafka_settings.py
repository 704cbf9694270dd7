"""The server properties of a local Kafka broker, and why they differ from Kafka's defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

# Eight MiB for the largest record, and room for its headers.
MAX_BATCH_BYTES = 9 * 1024 * 1024


# Those of every broker; a broker may have further ones for clients.
OWN_LISTENERS = ("CLIENTS", "BROKERS", "CONTROLLERS")
# The port on 127.0.0.1 of each listener of a broker, by its name.
Ports: TypeAlias = Mapping[str, int]


def server_properties(number: int, ports: Mapping[int, Ports], directory: Path, extra: Mapping[str, str]) -> str:
    """The text of the server.properties of one of the brokers in `ports`; `extra` wins over what is here.

    Clients and brokers have listeners of their own, so that `extra` can demand TLS or a password from clients
    (listener.name.clients.*, and CLIENTS in listener.security.protocol.map) without touching the brokers.
    """
    own = ports[number]
    properties = {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{p['CONTROLLERS']}" for n, p in ports.items()),
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in own.items()),
        **protocols({}),
        "inter.broker.listener.name": "BROKERS",
        "controller.listener.names": "CONTROLLERS",
        "log.dirs": str(directory / f"broker-{number}"),
        **replication(len(ports)),
        **sizes(),
        **times(),
        **extra,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def protocols(listeners: Mapping[str, str]) -> dict[str, str]:
    """What each listener speaks: what is given here, else nothing but Kafka."""
    every = dict.fromkeys(OWN_LISTENERS, "PLAINTEXT") | dict(listeners)
    return {"listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in every.items())}


def replication(brokers: int) -> dict[str, str]:
    """Every topic on every broker; of three, one may be missing."""
    in_sync = str(max(1, brokers - 1))
    return {
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(brokers),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(brokers),
        "transaction.state.log.replication.factor": str(brokers),
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": str(brokers),
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def sizes() -> dict[str, str]:
    """Room for the largest record; few internal partitions, for they are made when the first client comes."""
    return {
        "message.max.bytes": str(MAX_BATCH_BYTES),
        "replica.fetch.max.bytes": str(MAX_BATCH_BYTES),
        "offsets.topic.num.partitions": "6",
        "transaction.state.log.num.partitions": "6",
        "share.coordinator.state.topic.num.partitions": "1",
    }


def times() -> dict[str, str]:
    """Delays that fit a machine of one's own."""
    return {
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # What a killed broker led moves once its session is over: 9 s by default, a pause that nobody watching a
        # test needs; shorter than this, a busy machine would fence brokers that are alive.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # How often transactions past their time-out are looked for; until then, committed-only readers wait.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    }
