"""Workers of one group share the stream, come and go, crash and freeze: nothing is lost, duplicated or out of order."""

import pytest

from tests.kafka.stream import SESSION_SECONDS, Stream
from tests.kafka.waiting import eventually
from tests.kafka.workers import STOP_SECONDS
from worker.commands.rolling_check.checker import Verdict


def test_workers_share_the_stream_while_their_number_grows_and_shrinks(stream: Stream) -> None:
    first, second = stream.ready_workers(2)
    with stream.load():
        stream.wait_for_results(300)
        [third] = stream.ready_workers(1)
        eventually(lambda: third.metric("records_consumed_total") > 100, 20, "the third worker has nothing to do")
        assert first.stop()[0] == 0
        stream.wait_for_results(600)
    assert second.metric("records_consumed_total") > 100
    assert stream.verdict() == Verdict()


def test_killed_workers_lose_and_double_nothing(stream: Stream) -> None:
    workers = stream.ready_workers(2, supervised=True)
    stream.send_reviews(1_500)
    with stream.load():
        for worker in workers * 2:
            stream.wait_for_results(200)
            worker.wait_until_it_runs()
            worker.kill()
    assert stream.verdict() == Verdict()
    assert [worker.starts for worker in workers] == [3, 3]


@pytest.mark.alone
def test_a_terminated_worker_ends_at_once_and_hands_over_at_once(stream: Stream) -> None:
    first, _ = stream.ready_workers(2)
    stream.send_reviews(2_000)
    stream.wait_for_results(200)
    status, seconds = first.stop()
    assert (status, seconds < STOP_SECONDS) == (0, True)
    stream.send_reviews(200)
    assert stream.wait_until_done() < SESSION_SECONDS - 1, "the partitions waited for the session to time out"
    assert stream.verdict() == Verdict()


def test_a_worker_that_froze_past_its_session_doubles_nothing_when_it_wakes_up(stream: Stream) -> None:
    sleeper, _ = stream.ready_workers(2)
    for _ in range(2):
        stream.send_reviews(1_500)
        stream.wait_for_results(100)
        sleeper.pause()
        stream.wait_until_done()
        stream.send_reviews(200)
        sleeper.resume()
        stream.wait_until_done()
    assert sleeper.lives()
    assert stream.verdict() == Verdict()


def test_at_least_once_loses_nothing_when_workers_are_killed(stream: Stream) -> None:
    workers = stream.ready_workers(2, supervised=True, delivery="at_least_once")
    stream.send_reviews(1_500)
    with stream.load():
        for worker in workers:
            stream.wait_for_results(200)
            worker.kill()
    assert stream.verdict().but_for_duplicates() == Verdict()
