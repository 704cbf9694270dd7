"""Three brokers, each partition on all of them, two of which must agree: any one may die at any time."""

from collections.abc import Callable

from deploy.local.kafka import LocalKafka
from tests.kafka.history import Verdict
from tests.kafka.stream import Stream
from tests.kafka.waiting import now

MOST_SECONDS_STILL = 15.0


def test_brokers_are_killed_one_after_the_other(
    cluster: LocalKafka, client: str, record_property: Callable[[str, object], None]
) -> None:
    with Stream(cluster, client) as stream:
        stream.ready_workers(2, supervised=True)
        gaps = []
        with stream.load(per_second=200):
            for broker in (1, 2, 3):
                stream.wait_for_results(400)
                killed = now()
                cluster.kill(broker)
                stream.wait_for_results(1_000)
                cluster.start(broker)
                cluster.wait_until_in_sync()
                gaps.append(round(stream.longest_gap(killed), 1))
        record_property("longest_gaps_seconds", gaps)
        assert stream.verdict() == Verdict()
        assert max(gaps) < MOST_SECONDS_STILL, gaps
