"""Three brokers, each partition on all of them, two of which must agree: any one may die at any time."""

import logging

from deploy.local.kafka import LocalKafka
from tests.kafka.history import Verdict
from tests.kafka.stream import Stream
from tests.kafka.waiting import now

MOST_SECONDS_STILL = 15.0

log = logging.getLogger(__name__)


def test_brokers_are_killed_one_after_the_other(cluster: LocalKafka, client: str) -> None:
    with Stream(cluster, client, kafka_deadline_seconds="5") as stream:
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
        log.info("%s: longest seconds still after each kill: %s", client, gaps)
        assert stream.verdict() == Verdict()
        assert max(gaps) < MOST_SECONDS_STILL, gaps
