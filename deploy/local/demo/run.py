"""The middle of the demo: replay the reviews, watch the results come, kill a worker halfway and start it again."""

import time
from collections.abc import Mapping, Sequence

from deploy.local.demo.replay import Replay, Review
from deploy.local.demo.results import Results, percentile
from deploy.local.demo.view import Progress, View
from deploy.local.processes import LocalServiceError
from deploy.local.workers import DemoWorker, WorkerStatus

TICK_SECONDS = 0.2
STATUS_SECONDS = 1.0
LATEST_SHOWN = 100
WINDOW_SECONDS = 3.0
# How long a supervisor takes to notice that a process is gone and to start it again.
RESTART_SECONDS = 1.0
# Without a single new result for so long after the last review was sent, what is missing is lost.
SILENCE_SECONDS = 45.0


class DemoRun:
    """One replay through running workers; `killed_at` is when one was killed, in seconds since 1970."""

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Mapping[str, str],
        reviews: Sequence[Review],
        per_second: float,
        workers: Sequence[DemoWorker],
    ) -> None:
        self.replay = Replay(bootstrap_servers, topics["input"], reviews, per_second)
        self.results = Results(bootstrap_servers, topics["output"], self.replay.sent)
        self.killed_at: float | None = None
        self._reviews = {review.id: review for review in reviews}
        self._workers = workers
        self._progress = Progress(title=f"kafka-sentiment · Kafka at {bootstrap_servers}", total=len(reviews))
        self._restart_at: float | None = None
        self._waiting_for_return = False
        self._status_at = 0.0
        self._last_news = time.monotonic()

    def run(self, view: View) -> None:
        """Go on until everything came out or nothing more does. Raises LocalServiceError when a part gives up."""
        self.results.start()
        self.replay.start()
        started = time.monotonic()
        while not self._finished():
            time.sleep(TICK_SECONDS)
            self._progress.elapsed_seconds = time.monotonic() - started
            self._check()
            self._update()
            self._interfere(view)
            view.show(self._progress)
        self._update()
        view.show(self._progress)

    def close(self) -> None:
        """Send and read nothing more."""
        self.replay.stop()
        self.results.stop()

    def _finished(self) -> bool:
        if len(self.results.seen) == self._progress.total:
            return True
        if self.replay.is_alive() or len(self.results.seen) > self._progress.seen:
            self._last_news = time.monotonic()
        return time.monotonic() - self._last_news > SILENCE_SECONDS

    def _check(self) -> None:
        for error in (self.replay.error, self.results.error):
            if error:
                raise LocalServiceError(str(error)) from error
        for worker in self._workers:
            worker.check()

    def _update(self) -> None:
        progress, results = self._progress, self.results
        recent = results.window(WINDOW_SECONDS)
        progress.sent = len(self.replay.sent)
        progress.seen = len(results.seen)
        progress.reviews_per_second = len(recent) / min(WINDOW_SECONDS, max(progress.elapsed_seconds, TICK_SECONDS))
        latencies = [result.seconds for result in recent]
        progress.p50_seconds, progress.p99_seconds = percentile(latencies, 50), percentile(latencies, 99)
        progress.latest = [(result, self._reviews[result.id]) for result in recent[:LATEST_SHOWN]] or progress.latest
        if time.monotonic() >= self._status_at + STATUS_SECONDS:
            self._update_workers()

    def _update_workers(self) -> None:
        before = {status.name: status.reviews for status in self._progress.workers}
        seconds = time.monotonic() - self._status_at
        self._status_at = time.monotonic()
        self._progress.workers = [worker.status() for worker in self._workers]
        self._progress.worker_rates = {
            status.name: (status.reviews - before.get(status.name, status.reviews)) / seconds
            for status in self._progress.workers
        }

    def _interfere(self, view: View) -> None:
        victim = self._workers[0]
        if self.killed_at is None and self._progress.seen >= self._progress.total / 2:
            victim.kill()
            self.killed_at = time.time()
            self._restart_at = time.monotonic() + RESTART_SECONDS
            self._update_workers()
            view.event(self._progress, f"{victim.name} killed with SIGKILL in the middle of its work")
        elif self._restart_at is not None and time.monotonic() >= self._restart_at:
            self._restart_at = None
            victim.start()
            self._waiting_for_return = True
            view.event(self._progress, f"{victim.name} started again, as a supervisor would")
        elif self._waiting_for_return and self._status_of(victim).state == "ready":
            self._waiting_for_return = False
            view.event(self._progress, f"{victim.name} is back and has its share of the partitions")

    def _status_of(self, worker: DemoWorker) -> WorkerStatus:
        return next(status for status in self._progress.workers if status.name == worker.name)
