"""The arithmetic: each quantity in order, with the calculation that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from deploy.capacity.inputs import MEASURED_REPLICAS, Inputs
from deploy.capacity.quantities import Need, Plan, size

SECONDS_A_HOUR = 3_600
# Divides evenly among 2, 3, 4, 6 and 12 workers.
_PARTITIONS_MULTIPLE = 12
TOPICS = 2
# A record waits for the half of a batch on average, and is then in one itself.
BATCHES_IN_P50 = 1.5


def plan(need: Need, inputs: Inputs) -> Plan:
    """All quantities for a rate."""
    made = Plan(need)
    _workers(made, inputs)
    _traffic(made, inputs)
    _brokers(made, inputs)
    _redis(made, inputs)
    _cost(made, inputs)
    return made


def _workers(made: Plan, inputs: Inputs) -> None:
    need, busy = made.need, inputs["worker_utilisation_ratio"]
    per_core = inputs[f"reviews_per_core[{need.model},{need.client}]"]
    exact = need.rate / (per_core * busy)
    workers = max(2, ceil(exact))
    made.add(
        "workers",
        workers,
        f"{workers:,}",
        f"{need.rate:,.0f} reviews/s ÷ ({per_core:,.0f} a core × {busy:g}) = {exact:,.1f}; at least 2",
    )
    partitions = ceil(2 * workers / _PARTITIONS_MULTIPLE) * _PARTITIONS_MULTIPLE
    made.add(
        "partitions",
        partitions,
        f"{partitions:,}",
        f"2 × {workers:,} workers, so that they can double, up to a multiple of {_PARTITIONS_MULTIPLE}",
    )
    memory = workers * inputs[f"worker_memory_bytes[{need.model}]"]
    made.add(
        "worker memory",
        memory,
        size(memory),
        f"{workers:,} × {size(inputs[f'worker_memory_bytes[{need.model}]'])}",
    )
    _transactions(made, inputs)


def _transactions(made: Plan, inputs: Inputs) -> None:
    """As many as workers find time for: those at hand, by the share of time in which they do not score.

    The measured p50 is that of a worker with hardly anything in its batches. A busy one takes longer for a batch, by
    the share of time that the records take, and makes so many fewer. There is at most one transaction a review.
    """
    need, workers = made.need, made["workers"]
    p50 = inputs[f"committed_p50_seconds[{need.client}]"]
    busy = need.rate / (workers * inputs[f"reviews_per_core[{need.model},{need.client}]"])
    possible = workers * BATCHES_IN_P50 / p50 * (1 - busy)
    transactions = min(possible, need.rate)
    capped = f"one a review, for there is time for {possible:,.0f} = " if possible > need.rate else ""
    made.add(
        "transactions a second",
        transactions,
        f"{transactions:,.0f}",
        f"{capped}{workers:,.0f} workers × {BATCHES_IN_P50:g} ÷ {p50 * 1_000:.1f} ms × (1 - {busy:.3f} scoring); "
        f"{need.rate / inputs['max_batch_records']:,.0f} where all batches are full",
    )


def _traffic(made: Plan, inputs: Inputs) -> None:
    need = made.need
    review, sentiment = (inputs[f"{kind}_bytes[{need.compression}]"] for kind in ("review", "sentiment"))
    written = need.rate * (review + sentiment)
    coming = written * need.replication
    made.add(
        "into brokers",
        coming,
        f"{size(coming)}/s",
        f"{need.rate:,.0f} × ({review:,.0f} + {sentiment:,.0f} B) × {need.replication} replicas",
    )
    going = need.rate * (review + need.readers * sentiment) + written * (need.replication - 1)
    made.add(
        "out of brokers",
        going,
        f"{size(going)}/s",
        f"{need.rate:,.0f} × ({review:,.0f} to workers + {need.readers} × {sentiment:,.0f} to readers) "
        f"+ {size(written)}/s × {need.replication - 1} to replicas",
    )
    disk = coming * need.retention_hours * SECONDS_A_HOUR
    made.add("disk", disk, size(disk), f"{size(coming)}/s × {need.retention_hours:g} h")
    micros = sum(inputs[f"broker_cpu_microseconds[{what}]"] for what in ("written", "passed"))
    a_transaction = inputs["broker_cpu_microseconds[transaction]"]
    measured = (need.rate * micros + made["transactions a second"] * a_transaction) / 1e6
    cores = measured * need.replication / MEASURED_REPLICAS
    made.add(
        "broker CPU",
        cores,
        f"{cores:,.1f} cores",
        f"({need.rate:,.0f} × {micros:,.0f} µs + {made['transactions a second']:,.0f} × {a_transaction:,.0f} µs "
        f"a second) × {need.replication} replicas ÷ {MEASURED_REPLICAS} that it was measured with",
    )


def _brokers(made: Plan, inputs: Inputs) -> None:
    busy, need = inputs["broker_utilisation_ratio"], made.need
    replicas = made["partitions"] * TOPICS * need.replication
    network = inputs["broker_network_bytes_per_second"] * busy
    bounds: Mapping[str, float] = {
        "network in": made["into brokers"] / network,
        "network out": made["out of brokers"] / network,
        "CPU": made["broker CPU"] / (inputs["broker_cores"] * busy),
        "disk": made["disk"] / (inputs["broker_disk_bytes"] * inputs["disk_utilisation_ratio"]),
        "replicas": replicas / inputs["replicas_per_broker"],
    }
    brokers = max(need.replication, *(ceil(bound) for bound in bounds.values()))
    made.add(
        "brokers",
        brokers,
        f"{brokers:,}",
        f"the most of {', '.join(f'{bound:,.1f} ({what})' for what, bound in bounds.items())}; "
        f"at least {need.replication}",
    )
    made.add(
        "replicas a broker",
        replicas / brokers,
        f"{replicas / brokers:,.0f}",
        f"{made['partitions']:,.0f} partitions × {TOPICS} topics × {need.replication} replicas ÷ {brokers:,}",
    )
    transactions = made["transactions a second"]
    made.add(
        "transactions a second a broker",
        transactions / brokers,
        f"{transactions / brokers:,.0f}",
        f"{transactions:,.0f} ÷ {brokers:,}",
    )


def _redis(made: Plan, inputs: Inputs) -> None:
    need, key = made.need, inputs["redis_bytes_a_key"]
    memory = need.rate * need.redis_expiry_seconds * key
    made.add(
        "Redis memory",
        memory,
        size(memory),
        f"{need.rate:,.0f} × {need.redis_expiry_seconds:,.0f} s × {key:,.0f} B a key, if no id comes twice",
    )
    node = inputs["redis_node_bytes"]
    expiry = node / (need.rate * key)
    made.add(
        "expiry that one Redis holds",
        expiry,
        f"{expiry:,.0f} s",
        f"{size(node)} ÷ ({need.rate:,.0f} × {key:,.0f} B)",
    )
    micros, busy = inputs["redis_cpu_microseconds_a_key"], inputs["redis_utilisation_ratio"]
    threads = need.rate * micros / 1e6 / busy
    made.add(
        "Redis threads",
        max(1, ceil(threads)),
        f"{max(1, ceil(threads)):,}",
        f"{need.rate:,.0f} × {micros:.1f} µs a second ÷ {busy:g} = {threads:,.2f}",
    )


def _cost(made: Plan, inputs: Inputs) -> None:
    busy = inputs["broker_utilisation_ratio"]
    brokers = made["broker CPU"] / busy
    cores = made["workers"] + brokers + made["Redis threads"]
    made.add(
        "cores",
        cores,
        f"{cores:,.0f}",
        f"{made['workers']:,.0f} of workers + {made['broker CPU']:,.1f} ÷ {busy:g} of brokers "
        f"+ {made['Redis threads']:,.0f} of Redis",
    )
    price = made.need.price
    made.add("price an hour", cores * price, f"{cores * price:,.2f}", f"{cores:,.0f} cores × {price:g} an hour")
    millions = made.need.rate * SECONDS_A_HOUR / 1e6
    made.add(
        "price a million reviews",
        cores * price / millions,
        f"{cores * price / millions:.4f}",
        f"{cores * price:,.2f} ÷ {millions:,.1f} million an hour",
    )
