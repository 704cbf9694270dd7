"""A time limit of ours around calls that have none, or do not keep theirs."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


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
