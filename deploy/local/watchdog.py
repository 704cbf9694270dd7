"""Ends a process group and removes its directory once the process that started this one is gone.

Started as the leader of that group with a pipe as standard input, whose only writing end the owner holds: the pipe
ends when the owner does, also after SIGKILL. Needs nothing but the standard library, so that it starts quickly.
"""

import os
import shutil
import signal
import sys
import time

CLEAN_UP_SECONDS = 10.0


def main() -> None:
    """Wait for the end of standard input, then kill the own process group and remove the directory argv[1]."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.stdin.buffer.read()
    if os.fork() == 0:
        group = os.getpgrp()
        # A group of its own, or the next line would end this process before the directory is gone.
        os.setpgid(0, 0)
        os.killpg(group, signal.SIGKILL)
        remove(sys.argv[1])
    else:
        signal.pause()


def remove(directory: str) -> None:
    """Remove the directory, again if a process that is just dying still wrote into it."""
    deadline = time.monotonic() + CLEAN_UP_SECONDS
    while os.path.exists(directory) and time.monotonic() < deadline:  # noqa: PTH110 - pathlib doubles the start-up time
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
