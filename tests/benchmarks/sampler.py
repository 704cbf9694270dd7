"""Where the worker's processor time goes.

`python -m tests.benchmarks.sampler FILE run ...` runs `python -m worker run ...` and writes to FILE, as JSON, the
CPU-seconds of each Python function.

A thread looks at what every other thread is doing, and charges each with the processor time that it used since the
last look; waiting costs nothing and is not seen. Time in C code is charged to the Python function that called it, and
time of threads that no Python code runs in (librdkafka's) is `other`. What the sampling costs is left out.
"""

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import worker.__main__

INTERVAL_SECONDS = 0.001
SWITCH_SECONDS = 0.0005


class Sampler(threading.Thread):
    """Samples until it is stopped. `own` is by innermost function, `total` by every function on the stack."""

    def __init__(self) -> None:
        super().__init__(name="sampler", daemon=True)
        self.own: Counter[str] = Counter()
        self.total: Counter[str] = Counter()
        self.threads: Counter[str] = Counter()
        self.seconds = 0.0
        self._last: dict[int, float] = {}
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(INTERVAL_SECONDS):
            frames = sys._current_frames()
            for thread in threading.enumerate():
                if thread is not self and thread.ident in frames and thread.native_id is not None:
                    self._charge(thread.name, frames[thread.ident], self._used(thread.native_id))
        self.seconds = time.thread_time()

    def stop(self) -> None:
        """End, and wait for it."""
        self._ending.set()
        self.join()

    def _used(self, native_id: int) -> float:
        # The number of Linux's clock of one thread's processor time; unlike pthread_getcpuclockid's it is refused,
        # not undefined, when the thread is gone.
        try:
            now = time.clock_gettime((~native_id << 3) | 6)
        except OSError:
            return 0.0
        used, self._last[native_id] = now - self._last.get(native_id, now), now
        return used

    def _charge(self, thread: str, frame: FrameType, seconds: float) -> None:
        if not seconds:
            return
        self.threads[thread] += seconds  # type: ignore[assignment]
        self.own[_index(frame)] += seconds  # type: ignore[assignment]
        stack, outer = set(), frame.f_back
        stack.add(_index(frame))
        while outer is not None:
            stack.add(_index(outer))
            outer = outer.f_back
        for index in stack:
            self.total[index] += seconds  # type: ignore[assignment]


def main() -> int:
    """Run the worker under the sampler; its exit status."""
    path, *arguments = sys.argv[1:]
    sys.setswitchinterval(SWITCH_SECONDS)
    sampler = Sampler()
    sampler.start()
    try:
        return worker.__main__.main(arguments)
    finally:
        sampler.stop()
        found = {"own": sampler.own, "total": sampler.total, "threads": sampler.threads}
        other = time.process_time() - sampler.seconds - sum(sampler.threads.values())
        found["threads"]["other"] = other  # type: ignore[assignment]
        seconds = {name: {index: round(used, 4) for index, used in by.most_common()} for name, by in found.items()}
        Path(path).write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")


def _index(frame: FrameType) -> str:
    code = frame.f_code
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_qualname}"


if __name__ == "__main__":
    raise SystemExit(main())
