"""How fast a group of workers is, could be and would have to be, from what it measures of itself.

A worker that waits for records a third of its time could take half as many again: its capacity is its rate divided by
the share of the time in which it was busy. Waiting for the commits of small batches counts as time to spare too, for
batches grow with what there is to do, and a commit takes as long for many records as for few. In a backlog batches are
full, nothing is to spare, and the capacity is what is seen. With little to do it is rather too low than too high, for
scoring a few records at a time costs more for each.
"""

from grafana_foundation_sdk.builders import stat

from deploy.grafana.panels import Panels, Query, above, at_least, lines, number, said_as
from deploy.grafana.promql import SETTINGS, WINDOW, rate, series

# What stands for "never" where a backlog does not shrink; longer takes are of no more use to anybody.
NEVER_SECONDS = 86_400

# A worker that lost a partition may be scraped once more with it: each partition counts once.
LAG_RECORDS = f"sum(max by (namespace, partition) ({series('consumer_lag_records')}))"
_GROWTH = f"sum(avg by (namespace, partition) (deriv({series('consumer_lag_records')}[{WINDOW}])))"
DONE_RATE = f"sum({rate('records_consumed_total')})"
# What comes in is what goes out and what piles up.
ARRIVAL_RATE = f"clamp_min({DONE_RATE} + ({_GROWTH} or vector(0)), 0)"

IDLE, COMMIT = 'stage="idle"', 'stage="commit"'
_TIME = f"sum by (instance) ({rate('stage_duration_seconds_sum')})"
_IDLE = f"sum by (instance) ({rate('stage_duration_seconds_sum', IDLE)})"
_COMMIT = f"sum by (instance) ({rate('stage_duration_seconds_sum', COMMIT)})"
_BATCHES = f"clamp_min(sum by (instance) ({rate('batch_records_count')}), 1e-9)"
# How full batches are, from 0 to 1.
_FILL = f"clamp_max(sum by (instance) ({rate('batch_records_sum')}) / {_BATCHES} / $batch, 1)"
BUSY_BY_WORKER = f"1 - ({_IDLE} + {_COMMIT} * (1 - {_FILL})) / {_TIME}"
CAPACITY_BY_WORKER = f"sum by (instance) ({rate('records_consumed_total')}) / clamp_min({BUSY_BY_WORKER}, 0.01)"
DRAIN_SECONDS = (
    f"clamp_max({LAG_RECORDS} / clamp_min(sum({CAPACITY_BY_WORKER}) - {ARRIVAL_RATE}, 1e-6), {NEVER_SECONDS})"
)

WORKERS_UP = f"sum(up{{{SETTINGS}}})"
# One is enough while nothing flows and nothing can be told.
WORKERS_NEEDED = (
    f"clamp_min(ceil(({ARRIVAL_RATE} + {LAG_RECORDS} / $drain) / avg(({CAPACITY_BY_WORKER}) > 0)), 1)"
    f" or clamp({WORKERS_UP}, 1, 1)"
)
PARTITIONS = f"count(count by (namespace, partition) ({series('consumer_lag_records')}))"


def workers_up() -> stat.Panel:
    """How many workers there are."""
    return number("Workers up", "Workers that answer Prometheus.", Query(WORKERS_UP), steps=at_least(1))


def workers_needed() -> stat.Panel:
    """How many workers there should be."""
    return number(
        "Workers needed",
        "To keep up with what arrives and drain the backlog within the time chosen above; workers beyond the number of"
        " partitions would have nothing to do.",
        Query(WORKERS_NEEDED),
    )


def drain_eta() -> stat.Panel:
    """When the backlog will be gone."""
    panel = number(
        "Drained in",
        "When all is read if records go on arriving as they do; 'not at this rate': the backlog stays or grows.",
        Query(DRAIN_SECONDS),
        unit="s",
        steps=above(orange=300, red=3_600),
    )
    return said_as(panel, NEVER_SECONDS, "not at this rate")


def over_time() -> Panels:
    """Rates, workers and the drain ETA, as they were."""
    eta = lines(
        "Drain ETA",
        "When all would have been read at each moment's rates; a day stands for never.",
        Query(DRAIN_SECONDS, "drained in"),
        unit="s",
        steps=above(orange=300, red=3_600),
    )
    return [
        lines(
            "Arriving, done, possible",
            "Records a second that arrive, that are done, and that these workers could do without a pause.",
            Query(ARRIVAL_RATE, "arriving"),
            Query(DONE_RATE, "done"),
            Query(f"sum({CAPACITY_BY_WORKER})", "possible"),
            unit="recps",
        ),
        lines(
            "Workers",
            "Up and needed; a group uses at most as many workers as the topic has partitions with a worker.",
            Query(WORKERS_UP, "up"),
            Query(WORKERS_NEEDED, "needed"),
            Query(PARTITIONS, "partitions"),
        ),
        eta,
    ]
