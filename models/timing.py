"""Time: limits around calls that have none of their own, places where long work yields, and how a moment is written."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")

YieldCpu = Callable[[], None]

Arguments = TypeVarTuple("Arguments")


def within(seconds: float, function: Callable[[], Any]) -> Any:
    """What `function()` returns or raises; raises TimeoutError after so many seconds.

    A late call is left to a thread that ends with it, and may still have its effect.
    """
    outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            outcomes.put((function(), None))
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            outcomes.put((None, error))

    threading.Thread(target=run, name="store", daemon=True).start()
    try:
        result, error = outcomes.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result


class Deadline:
    """A time limit around calls to one place that may hang, such as a mounted directory.

    While a late call still hangs, others fail at once: a place that is asked again and again piles up no threads.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._late: threading.Event | None = None

    def ask(self, function: Callable[[], Result], more_seconds: float = 0.0) -> Result:
        """As `within`, with so many seconds more where the call has waits of its own."""
        if self._late and not self._late.is_set():
            raise TimeoutError("an earlier call still has no answer")
        ended = threading.Event()

        def run() -> Result:
            try:
                return function()
            finally:
                ended.set()

        try:
            result: Result = within(self.seconds + more_seconds, run)
        except TimeoutError:
            self._late = ended
            raise
        return result


def never_yield() -> None:
    """Go on at once."""


def utc_timestamp(seconds: float | None = None) -> str:
    """Seconds since 1970, or now, as ISO 8601 in UTC to the millisecond."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class DeadlinePassed(Exception):
    """The call did not end in time. It may still be running, and may still have its effect."""


class Bounded:
    """Runs calls one after the other in a helper thread and waits for each no longer than it is told.

    A thread that is past a deadline is abandoned with the call it hangs in (it ends when that call does), and a fresh
    one serves the next call. So whatever a late call touches must be thrown away too. For use from one thread.
    """

    def __init__(self, name: str = "bounded") -> None:
        self._name = name
        self._helper: _Helper | None = None

    def call(self, function: Callable[[*Arguments], Result], *arguments: *Arguments, seconds: float) -> Result:
        """What `function(*arguments)` returns or raises. Raises DeadlinePassed after `seconds`."""
        helper = self._helper = self._helper or _Helper(self._name)
        try:
            helper.calls.put((function, arguments))
            result, error = helper.outcomes.get(timeout=max(seconds, 0.0))
        except Empty:
            self.close()
            raise DeadlinePassed(f"no answer within {seconds:g} s") from None
        except BaseException:
            # A signal handler interrupted the wait: the outcome still to come must not answer the next call.
            self.close()
            raise
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def close(self) -> None:
        """Let the helper thread end, once it is done with what it does; a further call starts a fresh one."""
        if self._helper is not None:
            self._helper.calls.put(None)
            self._helper = None


class _Helper:
    def __init__(self, name: str) -> None:
        self.calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self.outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        while (call := self.calls.get()) is not None:
            function, arguments = call
            outcome: tuple[Any, BaseException | None]
            try:
                outcome = function(*arguments), None
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                outcome = None, error
            self.outcomes.put(outcome)
            # Nothing of a call may live on in a waiting thread.
            del call, function, arguments, outcome
